Feature: Timeouts
  Nothing is waited for longer than was agreed.

  @BR-WF-017a @BR-WF-TIMEOUT-002
  Scenario: A step that never answers times out and is tried again
    Given a workflow with the steps "scale"
    And "scale" has a timeout of 1m
    And "scale" hangs once
    When it is applied
    Then it is "completed"
    And "scale" was tried by the children "recover-step-1, recover-step-1-r1"
    And try 1 of "scale" lasted 60s to 61s
    And the child "recover-step-1" is gone

  @BR-WF-016a @BR-WF-026
  Scenario: A template that nobody can tell about is not waited for beyond the limit of planning
    Given the API server answers the first 999 questions with 503
    And the template "scale-both" 1.0.0 in its own namespace
    And a workflow from the template "scale-both" 1.0.0
    When it is applied
    Then it is "failed"
    And its failure reason says "planning_timeout: the template could not be looked up within 30s"
    And its failure reason says "HTTP 503"
    And its error type is "timeout"
    And from its planning to its end 30s to 36s passed
    And no child was ever created

  @BR-WF-016a @BR-WF-026
  Scenario: A template that is told of before the limit of planning is carried out
    Given the API server answers the first 4 questions with 503
    And the template "scale-both" 1.0.0 in its own namespace
    And a workflow from the template "scale-both" 1.0.0
    When it is applied
    Then it is "completed"
    And its plan is from the template "scale-both" 1.0.0

  @BR-WF-017a
  Scenario: A step that never answers at all fails
    Given a workflow with the steps "scale"
    And "scale" is critical
    And "scale" allows 0 retries
    And "scale" has a timeout of 1m
    And "scale" never answers
    When it is applied
    Then it is "failed"
    And its error type is "timeout"
    And its failure reason says "the step's timeout passed"

  @BR-WF-016a @BR-WF-TIMEOUT-005
  Scenario: A workflow's deadline ends it
    Given a workflow with the steps "a, b after a"
    And "a" takes 10s
    And "b" never answers
    And the workflow has a timeout of 2m
    When it is applied
    Then it is "failed"
    And its failure reason says "workflow_timeout"
    And its error type is "timeout"
    And from its execution to its rollback 120s to 121s passed
    And its steps are "a rolled_back, b failed"

  @BR-WF-TIMEOUT-001 @BR-WF-016a
  Scenario Outline: How long a workflow may take depends on how many steps it has: <count>
    Given a workflow of <count> independent steps
    And small, middling and large workflows may take 2m, 3m and 4m
    And it is approved beforehand by "alice"
    When it is applied
    Then it becomes "monitoring"
    And child "recover-step-1" is given what is left of <limit>

    Examples:
      | count | limit |
      | 3     | 2m    |
      | 4     | 3m    |
      | 10    | 3m    |
      | 11    | 4m    |

  @BR-WF-TIMEOUT-001 @BR-WF-016a
  Scenario: A workflow's own word about its time counts more than how many steps it has
    Given a workflow of 4 independent steps
    And small, middling and large workflows may take 2m, 3m and 4m
    And the workflow has a timeout of 90s
    When it is applied
    Then it becomes "monitoring"
    And child "recover-step-1" is given what is left of 1m30s

  @BR-WF-TIMEOUT-001 @BR-WF-016a
  Scenario Outline: How long a workflow may take is said by its parent where it does not say so itself: <what>
    Given a workflow of 4 independent steps
    And small, middling and large workflows may take 3m, 4m and 270s
    And <what>
    And its parent gives its workflow "<given>"
    When it is applied
    Then it becomes "monitoring"
    And its plan says a timeout of "<planned>"
    And child "recover-step-1" is given exactly <limit>

    Examples:
      | what                                       | given  | planned | limit |
      | its parent exists and has made it          | 3m30s  | 3m30s   | 3m30s |
      | its parent exists                          | 0h2m0s | 2m      | 2m    |
      | the workflow has a timeout of 150s         | 3m30s  | nothing | 2m30s |
      | another request has the name of its parent | 3m30s  | nothing | 4m    |
      | its parent exists and has made it          | 0s     | nothing | 4m    |

  @BR-WF-TIMEOUT-001
  Scenario: A time that cannot be read is told of, and the number of steps decides
    Given a workflow of 4 independent steps
    And small, middling and large workflows may take 3m, 4m and 270s
    And its parent exists and has made it
    And its parent gives its workflow "a while"
    When it is applied
    Then it becomes "monitoring"
    And its plan says a timeout of "nothing"
    And child "recover-step-1" is given exactly 4m
    And an event "ValidationWarning" says "workflowExecutionTimeout: 'a while' is not a duration"

  @BR-WF-TIMEOUT-001 @BR-WF-016a
  Scenario: A parent that changes its mind, and another controller, do not move a deadline
    Given a workflow with the steps "a, b after a"
    And "a" takes 10s
    And "b" never answers
    And its parent exists and has made it
    And its parent gives its workflow "2m"
    When it is applied
    And "a" is running
    And its parent gives its workflow "1h" from now on
    And the controller is killed
    Then it is "failed"
    And its failure reason says "workflow_timeout"
    And from its execution to its rollback 120s to 150s passed

  @BR-WF-TIMEOUT-004 @BR-WF-016a
  Scenario: Somebody gives a workflow more time while it runs
    Given a workflow with the steps "a, b after a"
    And "a" takes 50s
    And "b" takes 50s
    And "b" has a timeout of 6m
    And the workflow has a timeout of 80s
    When it is applied
    And "a" is running
    And somebody gives it 10m in all
    Then it is "completed"
    And its outcome is "success"
    And child "recover-step-1" is given what is left of 1m20s
    And child "recover-step-2" is given exactly 6m

  @BR-WF-016a @BR-WF-TIMEOUT-003
  Scenario: A child is never given more time than the workflow has left
    Given a workflow with the steps "a, b after a"
    And "a" takes 50s
    And the workflow has a timeout of 3m
    When it is applied
    Then it is "completed"
    And child "recover-step-1" has a timeout of at most 3m
    And child "recover-step-2" has a timeout of at most 130s

  @BR-WF-022-EC1
  Scenario: What completed at the very instant of its timeout has completed
    Given a workflow with the steps "scale, after after scale"
    And "scale" uses the action "restart-deployment"
    And "scale" has a timeout of 1m
    And "scale" never answers
    And it is applied
    And "scale" is running
    And somebody suspends it
    And 2m passes
    And somebody reports that "scale" completed 60s after its start
    When somebody resumes it
    Then it is "completed"
    And its steps are "scale completed, after completed"
    And "scale" was tried by the children "recover-step-1"

  @BR-WF-022-EC1
  Scenario: What has not ended an instant after its timeout has timed out
    Given a workflow with the steps "scale"
    And "scale" has a timeout of 1m
    And "scale" allows 0 retries
    And "scale" is critical
    And "scale" never answers
    When it is applied
    Then it is "failed"
    And its error type is "timeout"
    And try 1 of "scale" lasted 60s to 61s

  @BR-WF-047 @BR-WF-017a
  Scenario Outline: A machine whose clock is wrong takes over, and no limit comes early or late: <offset>
    Given a workflow with the steps "a, b after a"
    And "a" takes 90s
    And "a" has a timeout of 2m
    And "a" allows 0 retries
    And the clock of the next controller is <offset> off
    When it is applied
    And "a" is running
    And the controller is killed
    Then it is "completed"
    And its outcome is "success"
    And the children ever seen are "recover-step-1, recover-step-2"
    And from its execution to its end 2m to 3m passed

    Examples:
      | offset |
      | 10m    |
      | -10m   |

  @BR-WF-047 @BR-WF-017a
  Scenario: A controller whose machine slept past a time limit sees what happened meanwhile before it judges
    Given a workflow with the steps "a, b after a"
    And a watch is doubted that brings nothing for 10s
    And "a" takes 90s
    And "a" has a timeout of 2m
    And "a" allows 0 retries
    When it is applied
    And "a" is running
    And the controller's machine sleeps for 5m
    Then it is "completed"
    And its outcome is "success"
    And its steps are "a completed, b completed"
    And the children ever seen are "recover-step-1, recover-step-2"
