Feature: Monitoring
  A workflow has succeeded when its targets have stayed well for a while, not when its last step ended.

  @BR-WF-021 @BR-WF-051s
  Scenario: Success is declared after the targets stayed healthy for the stabilisation window
    Given a workflow with the steps "a, b after a"
    When it is applied
    Then it is "completed"
    And its phases were "planning, validating, executing, monitoring, completed"
    And its outcome is "success"
    And its targets are "healthy"
    And from its monitoring to its end 30s to 31s passed
    And its success rate is 1
    And its effectiveness score is 1
    And it changed 2 resources
    And its total duration is from its execution to its end
    And an event "WorkflowExecutionCompleted" says "success"

  @BR-WF-050s
  Scenario: A target that falls ill and recovers is watched for a whole window again
    Given a workflow with the steps "a"
    When it is applied
    And it becomes "monitoring"
    And the deployment of "a" becomes unavailable
    And 1m passes
    Then it is still "monitoring"
    When the deployment of "a" becomes available
    Then it is "completed"
    And its outcome is "success"
    And from its monitoring to its end at least 90s passed

  @BR-WF-051s
  Scenario: A target that stays ill leaves the outcome unknown
    Given a workflow with the steps "a, b"
    When it is applied
    And it becomes "monitoring"
    And the deployment of "a" becomes unavailable
    Then it is "completed"
    And its outcome is "unknown"
    And its targets are "degraded"
    And from its monitoring to its end at least 10m passed

  @BR-WF-051s @BR-WF-019
  Scenario: Of targets that nobody may look at nothing is claimed
    Given a workflow with the steps "a, b after a"
    And the controller may not look at the targets
    And no safety check is required
    And it is to be run without a dry run
    And targets are watched for 1m at the most
    When it is applied
    Then it is "completed"
    And its outcome is "unknown"
    And its result says nothing about its targets
    And an event "ValidationWarning" says "monitoring will not see Deployment"
    And its message once said "not believed before it has lasted 25s: no right to read Deployment"

  @BR-WF-050s
  Scenario: What somebody takes back while it is watched has not lasted
    Given a workflow with the steps "a"
    And targets must stay well for 4m
    When it is applied
    And it becomes "monitoring"
    And somebody scales the deployment of "a" to 3
    Then it is "completed"
    And its outcome is "unknown"
    And its result says `monitoring_timeout_cannot_verify_success: Deployment `
    And its result says `replicas is 3, expected 5`
    And its targets are "healthy"
    And it recommends "replicas is 3, expected 5"

  @BR-WF-050s
  Scenario: A later step may change what an earlier one did
    Given a workflow with the steps "a, b after a"
    And "b" scales the deployment of "a" to 4 replicas
    When it is applied
    Then it is "completed"
    And its outcome is "success"
    And the deployment of "a" has 4 replicas

  @BR-WF-051s
  Scenario: A new alert about what was changed makes the workflow fail
    Given a workflow with the steps "a, b"
    And the rollback strategy is "manual"
    And new alerts are watched for
    And targets must stay well for 4m
    When it is applied
    And it becomes "monitoring"
    And the alert "HighErrorRate" begins on the deployment "b"
    Then it is "failed"
    And its failure reason says "workflow_triggered_new_alerts: HighErrorRate on Deployment"
    And its outcome is "failed"
    And its result says `workflow_triggered_new_alerts`
    And its targets are "healthy"
    And it is known that new alerts were triggered
    And its effectiveness score is 0.49
    And it recommends "look into HighErrorRate on Deployment"
    And an event "WorkflowIneffective" says "HighErrorRate"
    And the deployment of "b" has 5 replicas

  @BR-WF-051s @BR-WF-051
  Scenario: What a new alert is about is undone where the strategy is automatic
    Given a workflow with the steps "a, b after a"
    And the rollback strategy is "automatic"
    And new alerts are watched for
    And targets must stay well for 4m
    When it is applied
    And it becomes "monitoring"
    And the alert "HighErrorRate" begins on the deployment "b"
    Then it is "failed"
    And its phases were "planning, validating, executing, monitoring, rolling_back, failed"
    And its result says `workflow_triggered_new_alerts`
    And it is known that new alerts were triggered
    And the deployments of "a, b" have 3 replicas again

  @BR-WF-051s
  Scenario: Alerts that fired before, or about something else, are no news
    Given a workflow with the steps "a"
    And new alerts are watched for
    And the alert "DiskPressure" is firing on the deployment of "a"
    And targets must stay well for 4m
    When it is applied
    And it becomes "monitoring"
    And the alert "HighErrorRate" begins on the deployment "elsewhere"
    Then it is "completed"
    And its outcome is "success"
    And it is known that no alerts were triggered
    And it recommends nothing

  @BR-WF-051s
  Scenario: Success waits until somebody says that there are no new alerts
    Given a workflow with the steps "a"
    And new alerts are watched for
    And the Alertmanager does not answer
    When it is applied
    And it becomes "monitoring"
    And 2m passes
    Then it is still "monitoring"
    And its message says "waiting for word about new alerts: the Alertmanager gave no answer"
    When the Alertmanager answers again
    Then it is "completed"
    And its outcome is "success"
    And it is known that no alerts were triggered
    And from its monitoring to its end 2m to 5m passed

  @BR-WF-051s @BR-WF-019
  Scenario: Where nobody can say whether there are new alerts, the outcome is unknown
    Given a workflow with the steps "a"
    And new alerts are watched for
    And the Alertmanager does not answer
    When it is applied
    Then it is "completed"
    And a warning of its validation says "monitoring will not know of new alerts (the Alertmanager gave no answer"
    And an event "ValidationWarning" says "monitoring will not know of new alerts"
    And its outcome is "unknown"
    And its result says `alerts_unknown: the Alertmanager gave no answer`
    And its targets are "healthy"
    And nobody says whether new alerts were triggered
    And it recommends "look at the Alertmanager"
    And from its monitoring to its end at least 10m passed

  @BR-WF-051s
  Scenario: An Alertmanager that nothing feeds knows of no new alerts, and that is not taken for none
    Given a workflow with the steps "a"
    And new alerts are watched for, and the alert that always fires
    And no alert reaches the Alertmanager any more
    When it is applied
    Then it is "completed"
    And its outcome is "unknown"
    And its result says `alerts_unknown: the Alertmanager is not fed: its alert Watchdog does not fire`
    And nobody says whether new alerts were triggered

  @BR-WF-051s
  Scenario: An Alertmanager that is fed is believed
    Given a workflow with the steps "a"
    And new alerts are watched for, and the alert that always fires
    When it is applied
    Then it is "completed"
    And its outcome is "success"
    And it is known that no alerts were triggered
    And no event says "monitoring will not know"

  @BR-WF-019
  Scenario: A source of alerts that is slow to say that it cannot holds up no start, and what it said is told when it comes
    Given a workflow with the steps "a"
    And "a" takes 4m
    And new alerts are watched for
    And the Alertmanager breaks off whatever it is asked, 90s later
    When it is applied
    Then it becomes "executing"
    And from its validation to its execution 0s to 30s passed
    And while it executes a warning of its validation says "monitoring will not know of new alerts"
    When the Alertmanager answers again
    Then it is "completed"
    And its outcome is "success"
    And an event "ValidationWarning" says "monitoring will not know of new alerts"

  @BR-WF-051s
  Scenario: Nobody who has no Alertmanager says that there are no new alerts
    Given a workflow with the steps "a"
    When it is applied
    Then it is "completed"
    And its outcome is "success"
    And nobody says whether new alerts were triggered

  @BR-WF-051s
  Scenario: What falls ill beside the targets and stays so makes the success a partial one
    Given a workflow with the steps "a"
    And "a" takes 1m
    And side effects are watched for
    And the deployment "cart" is well beside them
    And the deployment "ads" is unwell beside them
    When it is applied
    And it becomes "executing"
    And the deployment "cart" beside them falls ill
    Then it is "completed"
    And its outcome is "partial_success"
    And its result says `side_effects: Deployment `
    And its side effects are "Deployment cart"
    And its targets are "healthy"
    And its effectiveness score is 1
    And from its monitoring to its end 60s to 70s passed
    And an event "SideEffectsSeen" says "/cart: is not available"
    And it recommends "look into Deployment"

  @BR-WF-051s
  Scenario: What was unwell before the first step is no side effect
    Given a workflow with the steps "a"
    And side effects are watched for
    And the deployment "cart" is well beside them
    And the deployment "ads" is unwell beside them
    When it is applied
    Then it is "completed"
    And its outcome is "success"
    And it is known that there were no side effects
    And from its monitoring to its end 30s to 31s passed
    And it recommends nothing

  @BR-WF-051s
  Scenario: What recovers before it is looked at again is no side effect
    Given a workflow with the steps "a"
    And "a" takes 1m
    And side effects are watched for
    And targets must stay well for 2m
    And the deployment "cart" is well beside them
    When it is applied
    And it becomes "executing"
    And the deployment "cart" beside them falls ill
    Then its message becomes "waiting for another look at what fell ill beside the targets: Deployment"
    When the deployment "cart" beside them recovers
    Then it is "completed"
    And its outcome is "success"
    And it is known that there were no side effects

  @BR-WF-051s
  Scenario: A pod that cannot start any more is a side effect too
    Given a workflow with the steps "a"
    And "a" takes 1m
    And side effects are watched for
    When it is applied
    And it becomes "executing"
    And a pod "worker" beside them is in "CrashLoopBackOff"
    Then it is "completed"
    And its outcome is "partial_success"
    And its side effects are "Pod worker"
    And its result says `worker/app is in CrashLoopBackOff`

  @BR-WF-051s
  Scenario: Where nobody could look beside the targets, nobody says that there were no side effects
    Given a workflow with the steps "a"
    And "a" uses the action "delete-pod"
    And the pod of "a" runs on the node "node-1"
    And side effects are watched for
    And the controller may not look at the targets
    And the only safety check is "network"
    And it is to be run without a dry run
    When it is applied
    Then it is "completed"
    And its outcome is "unknown"
    And its result says `side_effects_unknown: before the first step: no right to list`
    And nobody says whether there were side effects
    And it recommends "look beside the targets yourself"

  @BR-WF-051s
  Scenario: A workflow may do without a look beside its targets
    Given a workflow with the steps "a"
    And "a" takes 1m
    And side effects are watched for
    And the workflow wants no look beside its targets
    And the deployment "cart" is well beside them
    When it is applied
    And it becomes "executing"
    And the deployment "cart" beside them falls ill
    Then it is "completed"
    And its outcome is "success"
    And nobody says whether there were side effects

  @BR-WF-050s @BR-WF-052c
  Scenario Outline: A postcondition that comes false while its target is watched and stays so is a failure
    Given a workflow with the steps "a, b after a"
    And the rollback strategy is "<strategy>"
    And "a" postcondition is `input.deployment_available`
    And targets must stay well for 4m
    When it is applied
    And it becomes "monitoring"
    And the deployment of "a" becomes unavailable
    Then it is "failed"
    And its failure reason says "ineffective: postcondition checked of step 1 (a) no longer holds: it is false"
    And its result says `ineffective`
    And its phases were "<phases>"
    And its steps are "a <a>, b <b>"
    And the deployment of "b" has <replicas> replicas
    And it recommends "see why checked does not hold after step 1 (scale-deployment)"

    Examples:
      | strategy  | phases                                                            | a           | b           | replicas |
      | manual    | planning, validating, executing, monitoring, failed               | failed      | completed   | 5        |
      | automatic | planning, validating, executing, monitoring, rolling_back, failed | rolled_back | rolled_back | 3        |

  @BR-WF-050s @BR-WF-052c
  Scenario: A postcondition that comes false for a while only delays success
    Given a workflow with the steps "a"
    And "a" postcondition is `input.deployment_available`
    And targets must stay well for 4m
    When it is applied
    And it becomes "monitoring"
    And the deployment of "a" becomes unavailable
    And 1m passes
    And the deployment of "a" becomes available
    Then it is "completed"
    And its outcome is "success"
    And its effectiveness score is 1
    And from its monitoring to its end at least 5m passed

  @BR-WF-051s @BR-WF-050
  Scenario: A retry and undone steps have their price
    Given a workflow with the steps "a, b after a, c after b, d after c, e after d"
    And the rollback strategy is "automatic"
    And "a" fails once with "network"
    And "d" is critical
    And "d" always fails with "permission_denied"
    When it is applied
    Then it is "failed"
    And its effectiveness score is 0.25
    And it recommends "look into step 4 (scale-deployment) before it is tried again: permission_denied"

  @BR-WF-051s
  Scenario: Success after one retry is worth a little less
    Given a workflow with the steps "a, b, c, d, e"
    And "a" fails once with "network"
    When it is applied
    Then it is "completed"
    And its effectiveness score is 0.95
    And it recommends nothing

  @BR-WF-051s
  Scenario: A step that was not needed takes nothing away, one that a failure kept from running does
    Given a workflow with the steps "a, b, c after b, d, e after d"
    And "b" runs when `false`
    And "d" always fails with "permission_denied"
    When it is applied
    Then it is "completed"
    And its outcome is "partial_success"
    And its steps are "a completed, b skipped, c skipped, d failed, e skipped"
    And its effectiveness score is 0.3333

  @BR-WF-051s
  Scenario: A postcondition that does not hold takes its share of the score
    Given a workflow with the steps "a, b"
    And "a" postcondition is `input.current_replicas == 7`
    And "a" may miss its postcondition
    And "b" postcondition is `input.current_replicas == 5`
    When it is applied
    Then it is "completed"
    And its outcome is "partial_success"
    And its effectiveness score is 0.8333
    And it recommends "see why checked does not hold after step 1 (scale-deployment)"

  @BR-EXECUTION-001
  Scenario: When it will be over is told by the longest way that is left
    Given a workflow with the steps "a, b after a, c"
    And "b" takes 3m
    When it is applied
    Then it is "completed"
    And at the beginning of "monitoring" its end was expected 30s later
    And its end is not expected any more

  @BR-WF-051s @BR-WF-016
  Scenario: Without the right to look at targets a workflow runs, and nobody knows whether it did any good
    Given a workflow with the steps "a, b after a"
    And the controller may not look at the targets
    And the only safety check is "network"
    And it is to be run without a dry run
    When it is applied
    Then it is "completed"
    And its steps are "a completed, b completed"
    And its outcome is "unknown"
    And an event "PreconditionWarning" says "deployment_exists"

  @BR-EXECUTION-002
  Scenario: The health of an execution is told while it goes on
    Given a workflow with the steps "a, b, c after a+b"
    And "a" takes 2m
    And "b" fails once with "unknown_error"
    And it is applied
    And the step "b" becomes "retrying"
    Then its health is "degraded"
    And its condition "Degraded" is "True" and says "step 2 (b) is retrying: unknown_error"
    And it is "completed"
    And its health is "healthy"
    And its condition "Degraded" is "False"

  @BR-EXECUTION-002
  Scenario: A critical failure is told before what still runs has ended
    Given a workflow with the steps "a, check"
    And "a" takes 2m
    And "check" is critical
    And "check" always fails with "permission_denied"
    And it is applied
    And the step "check" becomes "failed"
    Then its health is "unhealthy"
    And its condition "Degraded" is "True" and says "step 2 (check) is failed: permission_denied"

  @BR-EXECUTION-002
  Scenario: A child that no executor takes up is told of
    Given a workflow with the steps "a"
    And no executor is at work
    And it is applied
    When its health becomes "degraded"
    Then its condition "Degraded" is "True" and says "KubernetesExecution recover-step-1 has not been taken up for 1m; is its executor running?"
