Feature: Control
  People may pause, go on, stop and delete a workflow at any time.

  @BR-WF-005b @BR-ORCHESTRATION-009
  Scenario: While a workflow is suspended nothing starts, and what runs may finish
    Given a workflow with the steps "a, b after a"
    And "a" takes 40s
    When it is applied
    And "a" is running
    And somebody suspends it
    And 2m passes
    Then it is still "paused"
    And its steps are "a completed, b pending"
    And the children ever seen are "recover-step-1"
    When somebody resumes it
    Then it is "completed"
    And its steps are "a completed, b completed"
    And it was paused for at least 2m

  @BR-WF-005b
  Scenario: The time of a pause does not count against the deadline
    Given a workflow with the steps "a, b after a"
    And "a" takes 20s
    And the workflow has a timeout of 90s
    When it is applied
    And "a" is running
    And somebody suspends it
    And 2m passes
    And somebody resumes it
    Then it is "completed"
    And its outcome is "success"

  @BR-WF-018a
  Scenario: A cancelled workflow starts nothing more and lets its children finish
    Given a workflow with the steps "a, b after a"
    And "a" takes 40s
    When it is applied
    And "a" is running
    And somebody cancels it
    Then it is "cancelled"
    And its steps are "a completed, b skipped"
    And the children ever seen are "recover-step-1"
    And the deployment of "a" has 5 replicas
    And an event "Cancelled" says "spec.cancel"

  @BR-WF-018a
  Scenario: A workflow that is applied cancelled says so, and nothing of it runs
    Given a workflow with the steps "a, b after a"
    And it is cancelled from the start
    When it is applied
    Then it is "cancelled"
    And its condition "CancelRequested" is "True" and says "nothing runs"
    And an event "Cancelled" says "spec.cancel"
    And no child was ever created

  @BR-WF-018a
  Scenario: A cancelled workflow may take its children with it
    Given a workflow with the steps "a, b after a"
    And "a" takes 5m
    When it is applied
    And "a" is running
    And somebody cancels it and asks for its children to be deleted
    Then it is "cancelled"
    And the child "recover-step-1" is gone
    And its steps are "a failed, b skipped"

  @BR-WF-018a @BR-WF-051 @BR-WF-024
  Scenario: A cancelled workflow may be undone, which is told as what somebody wanted
    Given a workflow with the steps "a, b after a"
    And "b" takes 40s
    And the metrics are read before
    When it is applied
    And "b" is running
    And somebody cancels it and asks for a rollback
    Then it is "cancelled"
    And the metrics have counted since
      | metric                                      | labels                                         | times |
      | kubernaut_workflowexecution_rollbacks_total | workflow_name=recover-shop reason=manual       | 1     |
      | kubernaut_workflowexecution_rollbacks_total | workflow_name=recover-shop reason=step_failure | 0     |
    And the deployments of "a, b" have 3 replicas again
    And its steps are "a rolled_back, b rolled_back"

  @BR-WF-018a @BR-WF-052
  Scenario: A rollback that was accepted is not dropped when the workflow is cancelled while it drains
    Given a workflow with the steps "a, b after a, c after b"
    And "b" takes 60s
    And it is applied
    And "b" is running
    When "alice" asks for a rollback
    And its condition "RollbackRequested" becomes "True"
    And somebody cancels it
    Then its condition "CancelRequested" becomes "True"
    And it is still "executing"
    And its condition "CancelRequested" is "True" and says "children that run may end"
    And it is "cancelled"
    And its phases were "planning, validating, executing, rolling_back, cancelled"
    And its steps are "a rolled_back, b rolled_back, c skipped"
    And the deployments of "a, b" have 3 replicas again
    And its condition "RollbackRequested" is "True" and says "by alice"
    And no request for a rollback is left

  @BR-WF-018a @BR-WF-051
  Scenario: Who cancels a workflow while it is rolled back is told at once, and the rollback ends
    Given a workflow with the steps "a, b after a"
    And "b" is critical
    And "b" always fails with "permission_denied"
    And undoing "a" takes 20s
    When it is applied
    And the undo of "a" is running
    And somebody cancels it
    Then its condition "CancelRequested" becomes "True"
    And it is still "rolling_back"
    And its condition "CancelRequested" is "True" and says "the rollback that runs is carried out first"
    And it is "cancelled"
    And its steps are "a rolled_back, b failed"

  @BR-WF-052
  Scenario: Who takes an accepted request for a rollback back while steps drain is told so, and it goes on
    Given a workflow with the steps "a, b after a, c after b"
    And "b" takes 60s
    And it is applied
    And "b" is running
    When "alice" asks for a rollback
    And its condition "RollbackRequested" becomes "True"
    And "alice" takes the request for a rollback back
    Then its condition "RollbackRequested" becomes "False"
    And its condition "RollbackRequested" is "False" and says "taken back before anything was undone"
    And it is "completed"
    And its steps are "a completed, b completed, c completed"
    And an event "RollbackWithdrawn" says "taken back"

  @BR-WF-052 @BR-WF-025
  Scenario: Nothing starts while a rollback that was accepted waits, whoever begins to look anew
    Given a workflow with the steps "a, b, c after b"
    And no admission policy guards the annotations
    And "a" takes 2m
    And "b" takes 40s
    And it is applied
    And "b" is running
    When "alice" asks for a rollback
    And its condition "RollbackRequested" becomes "True"
    And the step "b" becomes "completed"
    And the controller is killed
    Then it was rolled back at the request of "alice"
    And its steps are "a rolled_back, b rolled_back, c skipped"
    And the children ever seen are "recover-step-1, recover-step-2, recover-rollback-1, recover-rollback-2"

  @BR-WF-018a
  Scenario: A workflow that waits for approval can be cancelled
    Given a workflow with the steps "a"
    And it needs an approval
    When it is applied
    And it waits for approval
    And somebody cancels it
    Then it is "cancelled"
    And its condition "CancelRequested" is "True" and says "nothing runs"
    And no child was ever created

  @lifecycle @BR-WF-001
  Scenario: A deleted workflow takes its children with it
    Given a workflow with the steps "a, b after a"
    And "a" takes 5m
    When it is applied
    And "a" is running
    And somebody deletes it
    Then the workflow is gone
    And its children are gone
    And an event "WorkflowExecutionDeleted" says "deleted in phase executing"

  @BR-AUTOMATION-002 @BR-WF-005b
  Scenario: A failed workflow is tried again by somebody who may, and goes on where it failed
    Given a workflow with the steps "a, b after a, c after b"
    And the rollback strategy is "manual"
    And "b" is critical
    And "b" fails once with "permission_denied"
    And it is applied
    And it is "failed"
    When "alice" has it tried again
    Then it ends "completed" after all
    And its phases were "planning, validating, executing, failed, executing, monitoring, completed"
    And its steps are "a completed, b completed, c completed"
    And the children ever seen are "recover-step-1, recover-step-2, recover-step-2-r1, recover-step-3"
    And an event "ManualRetry" says "1 step is tried again at the request of alice"
    And no wish of a person is left

  @BR-AUTOMATION-002
  Scenario: What was rolled back is not tried again
    Given a workflow with the steps "a, b after a"
    And "b" is critical
    And "b" fails once with "permission_denied"
    And it is applied
    And it is "failed"
    When "alice" has it tried again
    Then her wish is refused because "it was rolled back"
    And an event "InterventionRefused" says "manual retry refused: it was rolled back"
    And its condition "Intervened" is "False"
    And no wish of a person is left
    And it is "failed"

  @BR-WF-005b
  Scenario: A failed step is tried again while the others go on
    Given a workflow with the steps "a, b, c after b"
    And "a" takes 3m
    And "b" fails once with "permission_denied"
    And it is applied
    And the step "c" becomes "skipped"
    When "alice" asks to "retry" the step "b"
    Then it is "completed"
    And its steps are "a completed, b completed, c completed"
    And its outcome is "success"
    And no wish of a person is left

  @BR-WF-005b
  Scenario: A step that hangs is called completed by somebody who has looked
    Given a workflow with the steps "a, b after a"
    And "a" never answers
    And it is applied
    And "a" is running
    When "alice" asks to "complete" the step "a"
    Then it is "completed"
    And the child "recover-step-1" is gone
    And its steps are "a completed, b completed"
    And an event "StepCompleted" says "called completed by alice"

  @BR-WF-005b
  Scenario: A step that waits for its next attempt is skipped
    Given a workflow with the steps "a, b"
    And "a" takes 3m
    And "b" always fails with "unknown_error"
    And it is applied
    And the step "b" becomes "retrying"
    When "alice" asks to "skip" the step "b"
    Then it is "completed"
    And its steps are "a completed, b skipped"

  @BR-WF-005b
  Scenario: Who may not approve may not intervene either
    Given a workflow with the steps "a, b after a"
    And "a" takes 3m
    And it is applied
    And "a" is running
    When "mallory" tries to "skip" the step "b"
    Then it is "completed"
    And its steps are "a completed, b completed"

  @BR-WF-005b
  Scenario: While its namespace is in maintenance nothing starts, and what runs may finish
    Given a workflow with the steps "a, b after a"
    And "a" takes 40s
    And the workflow has a timeout of 2m
    When it is applied
    And "a" is running
    And its namespace goes into maintenance
    Then it becomes "paused"
    And 5m passes
    And it is still "paused"
    And its steps are "a completed, b pending"
    And its condition "Paused" is "True" and says "workflowexecution.kubernaut.io/maintenance"
    And an event "Paused" says "is in maintenance"
    When the maintenance of its namespace is over
    Then it is "completed"
    And the children ever seen are "recover-step-1, recover-step-2"

  @BR-WF-005b
  Scenario: Maintenance of the controller's own namespace stops all workflows, and those that come
    Given a workflow with the steps "a"
    And the controller's namespace is in maintenance
    When it is applied
    Then it becomes "paused"
    And 1m passes
    And no child was ever created
    When the maintenance of the controller's namespace is over
    Then it is "completed"

  @BR-WF-005b @BR-WF-051
  Scenario: A rollback waits for the end of a maintenance, and its time does not run out meanwhile
    Given a workflow with the steps "a, b after a, c after b"
    And "c" is critical
    And "c" always fails with "permission_denied"
    And undoing "b" takes 20s
    And rollbacks may take 2m
    When it is applied
    And the undo of "b" is running
    And its namespace goes into maintenance
    And 5m passes
    Then it is still "rolling_back"
    And its steps are "a completed, b rolled_back, c failed"
    And an event "Paused" says "the rollback waits"
    When the maintenance of its namespace is over
    Then it is "failed"
    And its steps are "a rolled_back, b rolled_back, c failed"
    And the deployments of "a, b" have 3 replicas again

  @BR-WF-005b
  Scenario: Who is suspended stays so when a maintenance is over
    Given a workflow with the steps "a, b after a"
    And "a" takes 40s
    When it is applied
    And "a" is running
    And its namespace goes into maintenance
    Then it becomes "paused"
    When somebody suspends it
    And the maintenance of its namespace is over
    And 2m passes
    Then it is still "paused"
    And its condition "Paused" is "True" and says "spec.suspend"
    When somebody resumes it
    Then it is "completed"

  @BR-WF-005b @BR-WF-018a
  Scenario: During a maintenance a workflow can be cancelled
    Given a workflow with the steps "a, b after a"
    And "a" takes 40s
    When it is applied
    And "a" is running
    And its namespace goes into maintenance
    And somebody cancels it
    Then it is "cancelled"
    And its steps are "a completed, b skipped"
