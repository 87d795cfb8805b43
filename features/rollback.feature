Feature: Rollback
  When a critical step fails, what was done is undone, last things first.

  @BR-WF-050 @BR-WF-051 @BR-WF-053
  Scenario: Completed steps are undone in the reverse order of their completion
    Given a workflow with the steps "a, b, c, check after a+b+c"
    And "a" takes 30s
    And "b" takes 10s
    And "c" takes 20s
    And "check" is critical
    And "check" always fails with "permission_denied"
    When it is applied
    Then it is "failed"
    And its phases were "planning, validating, executing, rolling_back, failed"
    And its steps are "a rolled_back, b rolled_back, c rolled_back, check failed"
    And the steps were undone in the order "a, c, b"
    And the deployments of "a, b, c" have 3 replicas again
    And its failure reason says "Critical step 4 (check) failed"
    And an event "RollbackCompleted" says "3 undone, 0 failed"

  @BR-WF-053
  Scenario: Nothing is undone before what was built on it
    Given a workflow with the steps "base, left after base, right after base, check after left+right"
    And "left" takes 25s
    And "right" takes 10s
    And "check" is critical
    And "check" always fails with "permission_denied"
    When it is applied
    Then it is "failed"
    And the steps were undone in the order "left, right, base"

  @BR-WF-050
  Scenario Outline: Without automatic rollback a failure stays as it is: <strategy>
    Given a workflow with the steps "a, check after a"
    And the rollback strategy is "<strategy>"
    And "check" is critical
    And "check" always fails with "permission_denied"
    When it is applied
    Then it is "failed"
    And its phases were "planning, validating, executing, failed"
    And its failure reason says "manual intervention required"
    And the deployment of "a" has 5 replicas
    And nothing was undone

    Examples:
      | strategy |
      | none     |
      | manual   |

  @BR-WF-035 @BR-WF-035-EC1 @BR-WF-037 @BR-WF-037-EC1
  Scenario: One undo that fails does not keep the others from being undone
    Given a workflow with the steps "a, b after a, check after b"
    And "check" is critical
    And "check" always fails with "permission_denied"
    And undoing "b" always fails with "permission_denied"
    When it is applied
    Then it is "failed"
    And its steps are "a rolled_back, b completed, check failed"
    And the undo of "b" is "failed"
    And the undo of "a" is "succeeded"
    And its condition "RollbackFailed" is "True" and says "1 undone, 1 failed"
    And an event "RollbackFailed" says "step 2 (b) could not be undone"
    And an event "EscalationRequired" says "1 undone, 1 failed"
    And it entered "rolling_back" once

  @BR-WF-035
  Scenario: An undo that fails in passing is tried again
    Given a workflow with the steps "a, check after a"
    And "check" is critical
    And "check" always fails with "permission_denied"
    And undoing "a" fails once with "unknown_error"
    When it is applied
    Then it is "failed"
    And the undo of "a" is "succeeded"
    And the undo of "a" took 2 tries
    And the child "recover-rollback-1-r1" exists
    And the deployment of "a" has 3 replicas

  @BR-WF-035 @BR-WF-037
  Scenario: A rollback that takes too long is given up, and every step that was not undone is named
    Given a workflow with the steps "a, b after a, check after b"
    And "check" is critical
    And "check" always fails with "permission_denied"
    And undoing "b" takes 4m
    And rollbacks may take 1m
    When it is applied
    Then it is "failed"
    And its steps are "a completed, b completed, check failed"
    And its condition "RollbackFailed" is "True" and says "0 undone, 2 failed"
    And an event "RollbackFailed" says "step 2 (b) could not be undone: timeout"
    And an event "RollbackFailed" says "step 1 (a) could not be undone: timeout: the rollback's time was over"
    And an event "EscalationRequired" says "0 undone, 2 failed"
    And its failure reason says "Critical step 3 (check) failed"

  @BR-WF-052 @BR-WF-037
  Scenario: What could not be undone is undone by another request, and nothing twice
    Given a workflow with the steps "a, b after a, check after b"
    And "check" is critical
    And "check" always fails with "permission_denied"
    And undoing "b" fails once with "permission_denied"
    And it is applied
    And it is "failed"
    When "alice" asks for a rollback
    Then it was rolled back at the request of "alice"
    And an event "EscalationRequired" says "1 undone, 1 failed"
    And its steps are "a rolled_back, b rolled_back, check failed"
    And the child "recover-rollback-2-r1" exists
    And its condition "RolledBack" is "True" and says "1 undone, 0 failed"
    And its condition "RollbackFailed" is "False" and says "1 undone, 0 failed"

  @BR-WF-035 @BR-WF-053
  Scenario: An undo that hangs is taken away before anything else is undone
    Given a workflow with the steps "a, b after a, check after b"
    And "check" is critical
    And "check" always fails with "permission_denied"
    And undoing "b" hangs once
    And one undo may take 1m
    When it is applied
    Then it is "failed"
    And its steps are "a rolled_back, b rolled_back, check failed"
    And the child "recover-rollback-2" is gone
    And the child "recover-rollback-2" went before "recover-rollback-2-r1" came

  @BR-WF-054
  Scenario: What an undo needs to know is kept
    Given a workflow with the steps "a, b after a, check after b"
    And "b" uses the action "restart-deployment"
    And "check" is critical
    And "check" always fails with "permission_denied"
    When it is applied
    Then it is "failed"
    And the state of "a" from before was 3 replicas
    And the child of "a" offers an undo
    And the undo of "b" is "not_reversible"
    And its rollback counts 1 succeeded, 0 failed and 1 not reversible

  @BR-WF-050
  Scenario: What still runs is awaited before anything is undone
    Given a workflow with the steps "a, b, check"
    And "b" takes 2m
    And "check" is critical
    And "check" takes 10s
    And "check" always fails with "permission_denied"
    When it is applied
    Then it is "failed"
    And its steps are "a rolled_back, b rolled_back, check failed"
    And the steps were undone in the order "b, a"

  @BR-WF-052 @BR-WF-053
  Scenario: A person who may has a failed workflow rolled back
    Given a workflow with the steps "a, b after a, check after b"
    And the rollback strategy is "manual"
    And "check" is critical
    And "check" always fails with "permission_denied"
    And it is applied
    And it is "failed"
    When "alice" asks for a rollback
    Then it was rolled back at the request of "alice"
    And its phases were "planning, validating, executing, failed, rolling_back, failed"
    And its steps are "a rolled_back, b rolled_back, check failed"
    And the steps were undone in the order "b, a"
    And the deployments of "a, b" have 3 replicas again
    And its failure reason says "Critical step 3 (check) failed"
    And no request for a rollback is left

    Examples:
      | strategy |
      | manual   |

  @BR-WF-052
  Scenario: Where the strategy forbids it nobody gets a rollback
    Given a workflow with the steps "a, check after a"
    And the rollback strategy is "none"
    And "check" is critical
    And "check" always fails with "permission_denied"
    And it is applied
    And it is "failed"
    When "alice" asks for a rollback
    Then the request for a rollback is refused because "rollbackStrategy is none"
    And an event "RollbackRefused" says "alice asked for a rollback: executionStrategy.rollbackStrategy is none"
    And no request for a rollback is left
    And nothing was undone
    And it is "failed"

  @BR-WF-052
  Scenario: Who may edit a workflow may not for that reason have it rolled back
    Given a workflow with the steps "a, check after a"
    And the rollback strategy is "manual"
    And "check" is critical
    And "check" always fails with "permission_denied"
    And it is applied
    And it is "failed"
    When "mallory" tries to ask for a rollback
    And 2m passes
    Then nothing was undone
    And it is "failed"

  @BR-WF-052
  Scenario: What runs is awaited before a rollback that somebody asked for begins
    Given a workflow with the steps "a, b after a, c after b"
    And "b" takes 60s
    And it is applied
    And "b" is running
    When "alice" asks for a rollback
    Then it was rolled back at the request of "alice"
    And its phases were "planning, validating, executing, rolling_back, failed"
    And its steps are "a rolled_back, b rolled_back, c skipped"
    And its failure reason says "at the request of alice"
    And the deployments of "a, b" have 3 replicas again

  @BR-WF-055
  Scenario: Back to a step, which stays
    Given a workflow with the steps "a, b after a, c after b, check after c"
    And the rollback strategy is "manual"
    And "check" is critical
    And "check" always fails with "permission_denied"
    And it is applied
    And it is "failed"
    When "alice" asks for a rollback to "a"
    Then it was rolled back at the request of "alice"
    And its steps are "a completed, b rolled_back, c rolled_back, check failed"
    And the steps were undone in the order "c, b"
    And the deployment of "a" has 5 replicas

  @BR-WF-055
  Scenario Outline: A step that cannot be gone back to is refused: <to>
    Given a workflow with the steps "a, check after a"
    And the rollback strategy is "manual"
    And "check" is critical
    And "check" always fails with "permission_denied"
    And it is applied
    And it is "failed"
    When "alice" asks for a rollback to number "<to>"
    Then the request for a rollback is refused because "<why>"
    And nothing was undone

    Examples:
      | to    | why                    |
      | 7     | '7' is no step number  |
      | first | use one of 1 to 2      |

  @BR-WF-054 @BR-WF-037
  Scenario: An undo is believed when its effect is seen
    Given a workflow with the steps "a, b after a, check after b"
    And "check" is critical
    And "check" always fails with "permission_denied"
    And undoing "a" succeeds without effect
    When it is applied
    Then it is "failed"
    And its steps are "a completed, b rolled_back, check failed"
    And the undo of "a" is "failed"
    And the undo of "a" says "replicas is 5, expected 3"
    And its condition "RollbackFailed" is "True" and says "1 undone, 1 failed"

  @BR-WF-053
  Scenario: What is as it was before already is not undone again
    Given a workflow with the steps "a, b after a, check after b"
    And "check" is critical
    And "check" always fails with "permission_denied"
    And "b" succeeds without effect
    When it is applied
    Then it is "failed"
    And the undo of "b" is "skipped"
    And the undo of "a" is "succeeded"
    And the steps were undone in the order "a"

  @BR-WF-022
  Scenario: A declared condition has a workflow rolled back though no step failed
    Given a workflow with the steps "a, b after a, c after b"
    And it is given up if `steps.a.outputs.burn == 'high'`, which is "budget"
    And "a" hands on burn `high`
    When it is applied
    Then it is "failed"
    And its phases were "planning, validating, executing, rolling_back, failed"
    And its steps are "a rolled_back, b skipped, c skipped"
    And its failure reason says "rollback_triggered: budget: steps.a.outputs.burn == 'high'"
    And the deployment of "a" has 3 replicas
    And an event "RollbackTriggered" says "budget"

  @BR-WF-022
  Scenario: What runs is awaited before a trigger has it undone
    Given a workflow with the steps "a, b"
    And "b" takes 60s
    And "a" hands on burn `high`
    And it is given up if `'burn' in steps.a.outputs`, which is "budget"
    When it is applied
    And "a" is completed
    And the controller is killed
    Then it is "failed"
    And its steps are "a rolled_back, b rolled_back"
    And its condition "RollbackTriggered" is "True" and says "budget"

  @BR-WF-022
  Scenario: A target that goes bad while it is watched has the workflow rolled back
    Given a workflow with the steps "a, b after a"
    And it is given up if `steps.a.target.replicas < 5 && steps.b.status == 'completed'`, which is "shrunk"
    And it is applied
    And it is "monitoring"
    When somebody scales the deployment of "a" to 2 replicas
    Then it is "failed"
    And its phases were "planning, validating, executing, monitoring, rolling_back, failed"
    And its failure reason says "rollback_triggered: shrunk"
    And the deployment of "b" has 3 replicas

  @BR-WF-022 @BR-WF-050
  Scenario Outline: Without automatic rollback a trigger ends the workflow all the same: <strategy>
    Given a workflow with the steps "a, b after a"
    And the rollback strategy is "<strategy>"
    And it is given up if `steps.a.status == 'completed'`, which is "enough"
    When it is applied
    Then it is "failed"
    And its steps are "a completed, b skipped"
    And its failure reason says "manual intervention required"
    And nothing was undone

    Examples:
      | strategy |
      | none     |
      | manual   |

  @BR-WF-022
  Scenario: A trigger that has no value does not count, and says so once
    Given a workflow with the steps "a, b after a"
    And it is given up if `steps.a.result.executionSeconds > 1000.0`, which is "slow"
    When it is applied
    Then it is "completed"
    And its condition "RollbackTriggersJudged" is "False" and says "slow has no value"
    And an event "RollbackTriggerUnknown" says "slow has no value"

  @BR-WF-054
  Scenario: A ConfigMap is undone from a copy where its executor does not say how
    Given a workflow with the steps "config, last after config"
    And "config" uses the action "update-configmap"
    And the executor does not say how "config" is undone
    And "last" is critical
    And "last" always fails with "permission_denied"
    When it is applied
    Then it is "failed"
    And its steps are "config rolled_back, last failed"
    And the key "mode" of the ConfigMap "config" is "fast"
    And the copy for undoing holds what "config" changed, and status its name alone

  @BR-WF-054 @lifecycle
  Scenario: The copy of a ConfigMap goes with its workflow
    Given a workflow with the steps "config"
    And "config" uses the action "update-configmap"
    And it is applied
    And it is "completed"
    And the copy for undoing is there
    When somebody deletes it
    Then the workflow is gone
    And the copy for undoing is gone

  @BR-WF-054
  Scenario: Who cannot see a ConfigMap makes no copy, says so and goes on
    Given a workflow with the steps "config, last after config"
    And the controller may not look at the targets
    And it is to be run without a dry run
    And the only safety check is "health", and it is not required
    And "config" uses the action "update-configmap"
    And the executor does not say how "config" is undone
    And "last" is critical
    And "last" always fails with "permission_denied"
    When it is applied
    Then it is "failed"
    And an event "ValidationWarning" says "step 'config' is undone only as its executor says"
    And the undo of "config" is "not_reversible"

  @BR-WF-054
  Scenario: A copy that somebody took away is no undo, and the rollback goes on
    Given a workflow with the steps "config, middle after config, last after middle"
    And "config" uses the action "update-configmap"
    And the executor does not say how "config" is undone
    And "middle" takes 40s
    And "last" is critical
    And "last" always fails with "permission_denied"
    When it is applied
    And "middle" is running
    And somebody takes the copy for undoing away
    Then it is "failed"
    And its steps are "config completed, middle rolled_back, last failed"
    And the undo of "config" is "not_reversible"
