Feature: Adaptation
  A plan may be made better by what earlier runs were like, and by what this very run shows. Steps that have started are
  never changed, and whatever is changed stands in the status with its reason.

  @BR-ORCHESTRATION-020
  Scenario: A step whose earlier runs came close to its timeout is given more time
    Given a workflow with the steps "scale"
    And "scale" takes 5m30s
    And the workflow has a timeout of 30m
    And it learns from earlier runs
    And 12 earlier runs of "scale-deployment" took 4m30s
    When it is applied
    And "scale" is running
    And the controller is killed
    Then it is "completed"
    And the plan says of its steps
      | name  | timeout | retries | undo             |
      | scale | 6m45s   | 2       | scale-deployment |
    And it was adjusted in "timeout" of "scale": "5m → 6m45s" because "95 % of 12 runs of scale-deployment took up to 4m30s; confidence 0.88"
    And an event "AdaptiveAdjustment" says "timeout of step 'scale' 5m → 6m45s"
    And child "recover-step-1" is given exactly 6m45s
    And the children ever seen are "recover-step-1"

  @BR-ORCHESTRATION-020
  Scenario: A step that mostly needed another try is allowed more of them
    Given a workflow with the steps "scale, once after scale"
    And "scale" allows 1 retries
    And "once" allows 0 retries
    And it learns from earlier runs
    And after 2 retries each, 12 earlier runs of "scale-deployment" took 20s
    When it is applied
    Then it is "completed"
    And the plan says of its steps
      | name  | timeout | retries | undo             |
      | scale | 5m      | 3       | scale-deployment |
      | once  | 5m      | 0       | scale-deployment |
    And it was adjusted in "retry" of "scale": "1 → 3" because "12 of 12 runs of scale-deployment succeeded only after a retry"

  @BR-ORCHESTRATION-020
  Scenario Outline: Too little experience changes nothing
    Given a workflow with the steps "scale"
    And it learns from earlier runs
    And <good> earlier runs of "scale-deployment" took 4m30s
    And <bad> earlier runs of "scale-deployment" failed
    When it is applied
    Then it is "completed"
    And nothing was adjusted
    And the plan says of its steps
      | name  | timeout | retries | undo             |
      | scale | 5m      | 2       | scale-deployment |

    Examples:
      | good | bad |
      | 9    | 0   |
      | 9    | 1   |
      | 30   | 5   |

  @BR-ORCHESTRATION-020
  Scenario: Who does not ask to learn gets the plan that was written
    Given a workflow with the steps "scale"
    And 50 earlier runs of "scale-deployment" took 4m30s
    When it is applied
    Then it is "completed"
    And nothing was adjusted
    And the plan says of its steps
      | name  | timeout | retries | undo             |
      | scale | 5m      | 2       | scale-deployment |

  @BR-ORCHESTRATION-020
  Scenario: The estimate becomes what it usually takes
    Given a workflow with the steps "one, two after one"
    And it learns from earlier runs
    And 20 earlier runs of "scale-deployment" took 40s
    When it is applied
    Then it is "completed"
    And its plan estimates 2m20s
    And its estimate was adjusted: "1m40s → 2m20s" because "the median of earlier runs of scale-deployment"

  @BR-ORCHESTRATION-020
  Scenario: Runs of the very same definition are the better estimate
    Given a workflow with the steps "one, two after one"
    And it learns from earlier runs
    And 20 earlier runs of "scale-deployment" took 40s
    And 15 earlier runs of the same definition took 3m
    When it is applied
    Then it is "completed"
    And its plan estimates 3m
    And its estimate was adjusted: "1m40s → 3m" because "half of 15 runs of recover-shop took no longer"

  @BR-ORCHESTRATION-020
  Scenario: What ended is learnt from
    Given a workflow with the steps "scale"
    And "scale" takes 4m10s
    And it learns from earlier runs
    And 9 earlier runs of "scale-deployment" took 4m10s
    When it is applied
    Then it is "completed"
    And nothing was adjusted
    When somebody deletes it
    And the same workflow is applied once more
    Then it is "completed"
    And it was adjusted in "timeout" of "scale": "5m → " because "95 % of 10 runs of scale-deployment took up to 4m"

  @BR-ORCHESTRATION-001 @BR-AUTOMATION-001 @BR-WF-TIMEOUT-004
  Scenario: A step that took almost all of its time gives more of it to those of its kind
    Given a workflow with the steps "a, b after a, note after a"
    And "note" uses the action "update-configmap"
    And "a" takes 4m10s
    And the workflow has a timeout of 30m
    And it may be optimised while it runs
    When it is applied
    And "b" is running
    And the controller is killed
    Then it is "completed"
    And it was adjusted in "timeout" of "b": "timeout of step 'b' 5m → " because "scale-deployment took 4m"
    And an event "AdaptiveAdjustment" says "timeout of step 'b' 5m → "
    And child "recover-step-1" has a timeout of at most 5m
    And child "recover-step-2" has a timeout of at least 6m
    And child "recover-step-3" has a timeout of at most 5m
    And it was adjusted 1 times

  @BR-AUTOMATION-001 @BR-AUTOMATION-002
  Scenario: What this run needed another try for may be tried again sooner, and more often
    Given a workflow with the steps "a, b, c after a+b, once after a+b"
    And "a" fails once with "network"
    And "b" fails once with "network"
    And "c" allows 1 retries
    And "c" fails once with "network"
    And "once" allows 0 retries
    And it may be optimised while it runs
    When it is applied
    Then it is "completed"
    And it was adjusted in "retry" of "c": "1 → 2, first delay 30s → 15s" because "2 of 2 steps succeeded only after a retry"
    And between tries 1 and 2 of "a" 27s to 34s passed
    And between tries 1 and 2 of "c" 13s to 18s passed
    And it was adjusted 1 times

  @BR-AUTOMATION-001 @BR-AUTOMATION-002
  Scenario: Where most failures are conflicts, the next tries come later
    Given a workflow with the steps "a, b, c after a+b"
    And "a" fails once with "resource_conflict"
    And "b" fails once with "resource_conflict"
    And "c" fails once with "network"
    And it may be optimised while it runs
    When it is applied
    Then it is "completed"
    And it was adjusted in "retry" of "c": "first delay 30s → 1m" because "2 of 2 failed attempts were throttled or met a conflict"
    And between tries 1 and 2 of "c" 54s to 67s passed

  @BR-ORCHESTRATION-001 @BR-AUTOMATION-001
  Scenario: While the cluster pushes back less is done at once
    Given a workflow of 10 independent steps
    And at most 3 steps run at a time
    And each of its steps takes 30s
    And "s2" takes 10s
    And "s2" fails once with "throttled"
    And it may be optimised while it runs
    When it is applied
    Then it is "completed"
    And it was adjusted in "throttle": "steps at a time 3 → 2" because "1 of the last 1 attempt was throttled or met a conflict"
    And it was adjusted in "throttle": "steps at a time 2 → 3" because "the last 5 attempts succeeded"
    And between these two it never had more than 2 active steps
    And it never had more than 3 active steps

  @BR-ORCHESTRATION-001
  Scenario: Of steps that wait in the same line the longest starts first
    Given a workflow with the steps "config, scale, restart"
    And "config" uses the action "update-configmap"
    And "restart" uses the action "restart-deployment"
    And each of its steps takes 20s
    And at most 1 steps run at a time
    And it may be optimised while it runs
    When it is applied
    And "restart" is running
    And the controller is killed
    Then it is "completed"
    And it was adjusted in "reorder" of "restart": "start order config, scale, restart → restart, scale, config" because "longest first"
    And the steps were started in the order "restart, scale, config"

  @BR-ORCHESTRATION-001 @BR-AUTOMATION-001
  Scenario Outline: Nothing changes a workflow <why>
    Given a workflow with the steps "config, a, b after a"
    And "config" uses the action "update-configmap"
    And "a" takes 4m10s
    And at most 1 steps run at a time
    And the workflow has a timeout of 30m
    And <given>
    When it is applied
    Then it is "completed"
    And nothing was adjusted
    And child "recover-step-3" has a timeout of at most 5m
    And the steps were started in the order "config, a, b"

    Examples:
      | why                               | given                                                                |
      | that does not ask for it          | nobody asks for more                                                 |
      | where the setting is off          | it may be optimised while it runs, but the setting forbids it        |
      | that may have no changes          | it may be optimised while it runs, at most 0 times                   |

  @BR-ORCHESTRATION-001
  Scenario: There is an end to changes
    Given a workflow with the steps "a, b after a, c after a"
    And "a" takes 4m10s
    And the workflow has a timeout of 30m
    And it may be optimised while it runs, at most 1 times
    When it is applied
    Then it is "completed"
    And it was adjusted 1 times
    And it was adjusted in "timeout" of "b": "5m → " because "took 4m"
    And child "recover-step-3" has a timeout of at most 5m
    And an event "AdaptationLimitReached" says "no more changes are made"

  @BR-AUTOMATION-001 @BR-ORCHESTRATION-001
  Scenario: A step with nothing left to do is skipped, and counts as completed
    Given a workflow with the steps "a, b after a, c after b"
    And "b" postcondition is `target.replicas >= 3`
    And its steps may be adjusted while it runs
    When it is applied
    And "c" is running
    And the controller is killed
    Then it is "completed"
    And its outcome is "success"
    And its steps are "a completed, b skipped, c completed"
    And "b" was skipped because "already_satisfied"
    And the children ever seen are "recover-step-1, recover-step-3"
    And it was adjusted in "skip" of "b": "step 'b' skipped" because "what it promises holds already: checked"
    And an event "StepSkipped" says "step 2 (b) skipped: already_satisfied"
    And the deployment of "b" has 3 replicas

  @BR-AUTOMATION-001 @BR-ORCHESTRATION-001
  Scenario Outline: A step is not spared <when>
    Given a workflow with the steps "a, b after a, c after b"
    And "b" postcondition is `<promise>`
    And its steps may be adjusted while it runs
    And <given>
    When it is applied
    Then it is "completed"
    And its steps are "a completed, b completed, c completed"
    And nothing was adjusted

    Examples:
      | when                           | promise              | given                                                            |
      | whose promise is not kept yet  | target.replicas == 5 | nobody guards it                                                 |
      | that is critical               | target.replicas >= 3 | "b" is critical                                                  |
      | of a workflow that is approved | target.replicas >= 3 | a person has approved it                                         |
      | whose effect is no state       | target.replicas >= 3 | "b" uses the action "restart-deployment"                         |
      | that others ask about          | target.replicas >= 3 | "c" runs when `steps.b.status == 'completed'`                    |
      | where the setting is off       | target.replicas >= 3 | its steps may be adjusted while it runs, but the setting forbids it |

  @BR-AUTOMATION-001 @BR-ORCHESTRATION-001
  Scenario: What an analysis suggests for the parameters of a step is taken when it is sure of it
    Given a workflow with the steps "a, b after a, c after b"
    And an analysis suggests replicas "7" for "a", sure to 0.9, with low impact
    And an analysis suggests replicas "8" for "b", sure to 0.7, with low impact
    And an analysis suggests deployment "a" for "c", sure to 0.9, with low impact
    And it may be optimised while it runs
    When it is applied
    And "a" is running
    And the controller is killed
    Then it is "completed"
    And the deployment of "a" has 7 replicas
    And the deployment of "b" has 5 replicas
    And the deployment of "c" has 5 replicas
    And it was adjusted in "parameter" of "a": "replicas of step 'a' becomes 7" because "suggested with confidence 0.90: seen before"
    And it was adjusted 1 times
    And an event "SuggestionIgnored" says "replicas of step 2: confidence 0.70 is below 0.80"
    And an event "SuggestionIgnored" says "deployment of step 3: deployment names what the step is about"

  @BR-AUTOMATION-001
  Scenario Outline: A suggestion of high impact is taken only where a person approves: <replicas> replicas
    Given a workflow with the steps "a"
    And an analysis suggests replicas "7" for "a", sure to 0.9, with high impact
    And it may be optimised while it runs
    And <given>
    When it is applied
    Then it is "completed"
    And the deployment of "a" has <replicas> replicas

    Examples:
      | given                                                  | replicas |
      | nobody guards it                                       | 5        |
      | a person has approved it                               | 7        |
      | it may be optimised while it runs, but the setting forbids it | 5 |

  @BR-ORCHESTRATION-010 @BR-AUTOMATION-001
  Scenario: A target that went bad is verified before anything builds on it
    Given a workflow with the steps "a, slow, b after a+slow, c after slow"
    And "slow" takes 3m
    And its steps may be adjusted while it runs
    When it is applied
    And "a" is completed
    And the deployment of "a" becomes unavailable
    And the step "verify-a" is added
    And the controller is killed
    And the deployment of "a" becomes available
    Then it is "completed"
    And the step "verify-a" was injected as number 5 and is completed, before "b" started
    And it was adjusted in "inject": "step 'verify-a' (verify-health) added after 'a'" because "is not healthy after the step"
    And it was adjusted 1 times
    And its total is 5 steps
    And its progress never fell

  @BR-ORCHESTRATION-010 @BR-AUTOMATION-001
  Scenario: Nothing builds on a target that stays bad
    Given a workflow with the steps "a, slow, b after a+slow, c after slow"
    And "slow" takes 3m
    And the strategy allows 0 retry
    And its steps may be adjusted while it runs
    When it is applied
    And "a" is completed
    And the deployment of "a" becomes unavailable
    And it becomes "monitoring"
    Then its steps are "a completed, slow completed, b skipped, c completed"
    And the child of "b" was never made

  @BR-ORCHESTRATION-010
  Scenario: An analysis that asks for more safety has steps verified, also the last one
    Given a workflow with the steps "a, b after a, c after b"
    And an analysis asks to verify "a" with high priority
    And an analysis asks to verify "b" with low priority
    And an analysis asks to verify everything with high priority
    And its steps may be adjusted while it runs
    When it is applied
    And the step "verify-a" is added
    And the controller is killed
    Then it is "completed"
    And its outcome is "success"
    And the step "verify-a" was injected as number 4 and is completed, before "b" started
    And the step "verify-c" was injected as number 5 and is completed, after "c" ended
    And it was adjusted 2 times
    And an event "StepInjected" says "step 5 (verify-c) verifies step 3 (c): an analysis asks for it: it went wrong before"
    And its total is 5 steps

  @BR-ORCHESTRATION-010
  Scenario Outline: Nothing is added <when>
    Given a workflow with the steps "a, b after a"
    And an analysis asks to verify "a" with high priority
    And <given>
    When it is applied
    Then it is "completed"
    And nothing was adjusted
    And its total is 2 steps
    And <told>

    Examples:
      | when                                | given                                                               | told                               |
      | where nobody asks to adjust         | nobody asks for more                                                | no event "InjectionRefused" was told |
      | where the setting is off            | its steps may be adjusted while it runs, but the setting forbids it | no event "InjectionRefused" was told |
      | where no change may be made         | its steps may be adjusted while it runs, at most 0 times            | no event "InjectionRefused" was told |
      | where the executor may not look     | its steps may be adjusted, but nobody may verify                    | an event "InjectionRefused" says "nothing verifies step 1 (a)" |
