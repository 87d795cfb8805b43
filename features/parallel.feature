Feature: Parallel limits
  A workflow never has more children at work than its limit; what must wait, waits in line.

  @BR-WF-166 @BR-WF-167 @BR-WF-168 @BR-ORCHESTRATION-007
  Scenario: Ten ready steps: five start, five wait in line
    Given a workflow of 10 independent steps
    And each of its steps takes 2m
    When it is applied
    And 5 children exist
    Then it shows 5 active and 5 queued steps
    And "s1, s2, s3, s4, s5" are running
    And an event "ParallelLimitReached" says "5 steps active, 5 queued"
    And it is "completed"
    And it never had more than 5 active steps
    And the steps were started in the order of their numbers

  @BR-WF-167 @BR-WF-168
  Scenario: When two end, the next two in line start
    Given a workflow of 10 independent steps
    And each of its steps takes 3m
    And "s2" takes 20s
    And "s4" takes 20s
    When it is applied
    And 7 children exist
    Then "s1, s3, s5, s6, s7" are running
    And it shows 5 active and 3 queued steps
    And it becomes "monitoring"

  @BR-WF-166
  Scenario Outline: A workflow may set its own limit: <limit>
    Given a workflow of 4 independent steps
    And at most <limit> steps run at a time
    When it is applied
    Then it becomes "monitoring"
    And it never had more than <limit> active steps

    Examples:
      | limit |
      | 1     |
      | 2     |

  @BR-ORCHESTRATION-009
  Scenario: A step that wants to be alone is alone
    Given a workflow with the steps "a, b, c, d"
    And "b" wants to be alone
    And each of its steps takes 10s
    When it is applied
    Then it becomes "monitoring"
    And nothing ran beside "b"

  @BR-WF-024d @BR-WF-166
  Scenario Outline: While the API server throttles <what> fewer steps start, and all of them again once it is quiet
    Given a workflow of 10 independent steps
    And at most 3 steps run at a time
    And each of its steps takes 20s
    And "s4" precondition is `input.current_replicas == 3`
    When it is applied
    And "s1" is running
    And the API server throttles the next 2 <what>
    Then it is "completed"
    And its outcome is "success"
    And an event "ParallelismReduced" says "the API server asks to slow down: 1 of 3 steps at a time"
    And while it said so no step began beyond 1 at a time, and afterwards 3 ran again
    And its condition "Degraded" is "False"
    And its progress never fell

    Examples:
      | what      |
      | children  |
      | questions |
