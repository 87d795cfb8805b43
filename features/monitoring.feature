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
