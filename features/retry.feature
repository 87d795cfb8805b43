Feature: Retries
  What may pass is tried again after a growing delay; what cannot pass is not.

  @BR-AUTOMATION-002
  Scenario: A passing error is tried again and the workflow succeeds
    Given a workflow with the steps "scale, verify after scale"
    And "scale" fails once with "unknown_error"
    When it is applied
    Then it is "completed"
    And its outcome is "success"
    And "scale" was tried by the children "recover-step-1, recover-step-1-r1"
    And between tries 1 and 2 of "scale" 27s to 34s passed
    And "scale" counts 1 retry
    And an event "StepRetrying" says "unknown_error"

  @BR-AUTOMATION-002
  Scenario: The delay doubles and the budget ends
    Given a workflow with the steps "scale"
    And "scale" always fails with "timeout"
    And "scale" is critical
    When it is applied
    Then it is "failed"
    And "scale" was tried by the children "recover-step-1, recover-step-1-r1, recover-step-1-r2"
    And between tries 2 and 3 of "scale" 54s to 67s passed
    And its failure reason says "Critical step 1 (scale) failed"

  @BR-AUTOMATION-002
  Scenario Outline: A permanent error is not tried again: <error>
    Given a workflow with the steps "scale"
    And "scale" is critical
    And "scale" always fails with "<error>"
    When it is applied
    Then it is "failed"
    And "scale" was tried by the children "recover-step-1"
    And its error type is "<error>"

    Examples:
      | error              |
      | permission_denied  |
      | resource_not_found |
      | validation_error   |
      | image_pull         |

  @BR-AUTOMATION-002
  Scenario Outline: What may pass by itself is tried again: <error>
    Given a workflow with the steps "scale"
    And "scale" fails once with "<error>"
    When it is applied
    Then it is "completed"
    And "scale" was tried by the children "recover-step-1, recover-step-1-r1"
    And an event "StepRetrying" says "<error>"

    Examples:
      | error                   |
      | resource_conflict       |
      | resource_quota_exceeded |
      | evicted                 |
      | network                 |
      | throttled               |

  @BR-AUTOMATION-002 @BR-WF-020
  Scenario: No retries means none
    Given a workflow with the steps "scale"
    And "scale" is critical
    And "scale" allows 0 retries
    And "scale" fails once with "oom_killed"
    When it is applied
    Then it is "failed"
    And "scale" was tried by the children "recover-step-1"

  @BR-AUTOMATION-002
  Scenario: What an executor tried by itself is taken from the same budget
    Given a workflow with the steps "scale"
    And "scale" is critical
    And "scale" allows 2 retries
    And "scale" always fails with "network"
    And the executor itself tries "scale" 1 times more
    When it is applied
    Then it is "failed"
    And "scale" was tried by the children "recover-step-1, recover-step-1-r1"

  @BR-WF-021 @BR-WF-050 @BR-WF-021d
  Scenario: A failure that is not critical leaves a partial success
    Given a workflow with the steps "a, b, c after b"
    And "b" always fails with "permission_denied"
    When it is applied
    Then it is "completed"
    And its outcome is "partial_success"
    And its steps are "a completed, b failed, c skipped"
    And its success rate is 0.5

  @BR-WF-020-EC1
  Scenario: All parallel steps fail together
    Given a workflow with the steps "a, b, c"
    And every step always fails with "permission_denied"
    When it is applied
    Then it is "failed"
    And its phases were "planning, validating, executing, rolling_back, failed"
    And its steps are "a failed, b failed, c failed"
    And an event "StepFailed" says "step 1 (a)"
    And an event "StepFailed" says "step 2 (b)"
    And an event "StepFailed" says "step 3 (c)"
    And nothing was undone

  @BR-WF-013 @BR-AUTOMATION-002
  Scenario: A child that somebody deletes is tried again under a new name
    Given a workflow with the steps "a, b after a"
    And "a" takes 1m
    When it is applied
    And "a" is running
    And somebody deletes the child "recover-step-1"
    Then it is "completed"
    And "a" was tried by the children "recover-step-1, recover-step-1-r1"

  @BR-WF-013
  Scenario: A child's name that is taken by somebody else is not taken over
    Given a workflow with the steps "a"
    And "a" is critical
    And somebody else has a KubernetesExecution "recover-step-1"
    When it is applied
    Then it is "failed"
    And its error type is "name_conflict"
    And the KubernetesExecution "recover-step-1" still belongs to somebody else
