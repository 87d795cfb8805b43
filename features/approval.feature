Feature: Approval
  Some workflows wait for a person. Only somebody who may approve counts, and who it was is written down.

  @BR-WF-018 @BR-WF-169
  Scenario: More than ten steps wait for an approval
    Given a workflow of 11 independent steps
    When it is applied
    And it waits for approval
    And 1m passes
    Then no child was ever created
    And an event "ApprovalRequired" says "11 steps are more than"
    When "alice" approves it
    Then it is "completed"
    And it was approved by "alice"
    And an event "ApprovalReceived" says "alice"

  @BR-WF-169
  Scenario: Ten steps need no approval
    Given a workflow of 10 independent steps
    When it is applied
    Then it is "completed"

  @BR-WF-169
  Scenario: A parent that has its approval already does not wait
    Given a workflow of 11 independent steps
    And it is approved beforehand by "alice"
    When it is applied
    Then it is "completed"

  @BR-WF-018
  Scenario: The word of somebody who may not approve does not count
    Given a workflow with the steps "scale"
    And it needs an approval
    When it is applied
    And it waits for approval
    And "mallory" tries to approve it
    And 1m passes
    Then it still waits for approval
    And no child was ever created
    When "alice" approves it
    Then it is "completed"
    And it was approved by "alice"

  @BR-WF-018
  Scenario: A rejection ends the workflow
    Given a workflow with the steps "scale"
    And it needs an approval
    When it is applied
    And it waits for approval
    And "alice" rejects it
    Then it is "failed"
    And its failure reason says "approval_rejected"
    And an event "ApprovalRejected" says "alice"
    And no child was ever created

  @BR-WF-018
  Scenario: An approval that does not come ends the workflow after five minutes
    Given a workflow with the steps "scale"
    And it needs an approval
    When it is applied
    Then it is "failed"
    And its failure reason says "approval_timeout"
    And from its validation to its end at least 5m passed
    And no child was ever created
