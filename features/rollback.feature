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
