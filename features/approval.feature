Feature: Approval
  Some workflows wait for a person. Only somebody who may approve counts, and who it was is written down.

  @BR-WF-018 @BR-WF-169
  Scenario: More than ten steps wait for an approval
    Given a workflow of 11 independent steps
    When it is applied
    And it waits for approval
    And 1m passes
    Then no child was ever created
    And an event "ApprovalRequired" says "11 steps are more than complexity-approval-threshold 10"
    And its message says "type: wfexec approve recover"
    When "alice" approves it
    Then it is "completed"
    And it was approved by "alice"
    And an event "ApprovalReceived" says "alice"
    And the event "ApprovalReceived" was told once

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

  @BR-WF-018
  Scenario Outline: Nobody decides without the right or in another's name: <user> writes <word> for <name>
    Given a workflow with the steps "scale"
    And it needs an approval
    When it is applied
    And it waits for approval
    And "<user>" writes the decision "<word>" in the name of "<name>"
    Then the server does not take that: "<why>"
    And it still waits for approval

    Examples:
      | user    | word     | name    | why                                             |
      | mallory | approved | mallory | which mallory lacks; bind the ClusterRole       |
      | mallory | rejected | mallory | needs the verb approve on workflowexecutions    |
      | mallory | approved | alice   | needs the verb approve on workflowexecutions    |
      | alice   | approved | bob     | set it to alice, not to bob                     |
      | alice   | approved | nobody  | approved-by: set it to alice                    |
      | viewer  | approved | viewer  | cannot patch resource                           |

  @BR-WF-018
  Scenario: A word that nobody understands is told to be ignored
    Given a workflow with the steps "scale"
    And it needs an approval
    When it is applied
    And it waits for approval
    And "alice" writes the decision "yes" in the name of "alice"
    Then the server takes that
    And an event "ApprovalIgnored" says "is 'yes', not approved or rejected"
    And it still waits for approval
    When "alice" approves it
    Then it is "completed"

  @BR-WF-018
  Scenario: A decision that was taken away in time does not count, and an editor cannot take it away
    Given a workflow with the steps "scale"
    And it needs an approval
    When it is applied
    And it waits for approval
    And "alice" writes the decision "later" in the name of "alice"
    And "mallory" takes the decision away
    Then the server does not take that: "removing workflowexecution.kubernaut.io/approval"
    When "alice" takes the decision away
    Then the server takes that
    And it still waits for approval

  @BR-WF-018
  Scenario: Who decides again changes nothing
    Given a workflow with the steps "scale"
    And it needs an approval
    When it is applied
    And it waits for approval
    And "alice" approves it
    Then it is "completed"
    When "admin" writes the decision "rejected" in the name of "admin"
    And 1m passes
    Then it is still "completed"
    And it was approved by "alice"
    And the event "ApprovalReceived" was told once
    And no event "ApprovalRejected" was told

  @BR-WF-018
  Scenario: A no weighs more than the yes that the parent brought along
    Given a workflow with the steps "scale"
    And it needs an approval
    And it is approved beforehand by "analysis-7"
    And "alice" has rejected it already
    When it is applied
    Then it is "failed"
    And its failure reason says "approval_rejected: rejected by alice: not during the sale"
    And no child was ever created

  @BR-WF-018 @BR-WF-169
  Scenario: Only who may approve sends a workflow that is approved already
    Given a workflow of 11 independent steps
    When "mallory" tries to apply it as approved by "analysis-7"
    Then the server does not take that: "setting workflowexecution.kubernaut.io/pre-approved, workflowexecution.kubernaut.io/approval-source needs the verb approve"

  @BR-WF-018
  Scenario: A decision while no controller runs is found by the next one
    Given a workflow with the steps "scale"
    And it needs an approval
    When it is applied
    And it waits for approval
    And the controller is killed
    And "alice" approves it
    Then it is "completed"
    And it was approved by "alice"

  @BR-WF-018
  Scenario: A decision after the time is over has no effect
    Given a workflow with the steps "scale"
    And it needs an approval
    When it is applied
    Then it is "failed"
    And its condition "Approved" is "False" and says "nobody who may decide did so in time"
    When "alice" approves it
    And 1m passes
    Then it is still "failed"
    And its failure reason says "approval_timeout"
    And no child was ever created

  @BR-WF-018
  Scenario: A workflow that is suspended while it waits loses no time
    Given a workflow with the steps "scale"
    And it needs an approval
    When it is applied
    And it waits for approval
    And somebody suspends it
    And it becomes "paused"
    And 6m passes
    And somebody resumes it
    And 2m passes
    Then it still waits for approval
    When "alice" approves it
    Then it is "completed"

  @BR-WF-018 @BR-WF-015
  Scenario: What went away during the wait is found before anything runs
    Given a workflow with the steps "scale"
    And it needs an approval
    When it is applied
    And it waits for approval
    And somebody deletes the deployment of "scale"
    And "alice" approves it
    Then it is "failed"
    And its failure reason says "safety_validation_failed: health check failed"
    And it was approved by "alice"
    And no child was ever created

  @BR-WF-018
  Scenario: Where no admission policy guards the annotations the controller asks for the right of the named user
    Given no admission policy guards the annotations
    And a workflow with the steps "scale"
    And it needs an approval
    When it is applied
    And it waits for approval
    Then its condition "ApprovalGuarded" is "False" and says "no admission policy guards the annotations"
    When "mallory" writes the decision "approved" in the name of "mallory"
    Then the server takes that
    And an event "ApprovalUnauthorized" says "the decision of mallory is ignored: no right to approve"
    And it still waits for approval
    And no child was ever created
    When "alice" approves it
    Then it is "completed"
    And it was approved by "alice"
