Feature: Lifecycle
  A workflow belongs to the request it was made for, ends with it, and leaves nothing behind.

  @lifecycle @BR-WF-001
  Scenario: The owner that a workflow lacks is added
    Given a workflow with the steps "a"
    And its parent exists
    When it is applied
    Then it is "completed"
    And its parent owns it
    And it carries the controller's finalizer

  @lifecycle @BR-WF-001
  Scenario: A workflow that its parent has made is left as it is
    Given a workflow with the steps "a"
    And its parent exists and has made it
    When it is applied
    Then it is "completed"
    And its parent owns it
    And its owners were never changed

  @lifecycle @BR-WF-001
  Scenario: Who deletes the parent deletes the workflow and what it runs
    Given a workflow with the steps "a, b after a"
    And "a" takes 5m
    And its parent exists
    When it is applied
    And "a" is running
    And its parent owns it
    And somebody deletes its parent
    Then the workflow is gone
    And its children are gone
    And the children ever seen are "recover-step-1"

  @lifecycle @BR-WF-001
  Scenario Outline: Without a parent that can own it a workflow runs all the same: <what>
    Given a workflow with the steps "a"
    And <what>
    When it is applied
    Then it is "completed"
    And nobody owns it
    And its condition "ParentFound" is "False" and says "<text>"
    And an event "ParentMissing" says "<text>"

    Examples:
      | what                                               | text                                        |
      | nobody has made its parent                         | RemediationRequest 'shop-is-slow' does not  |
      | another request has the name of its parent         | RemediationRequest 'shop-is-slow' does not  |
      | it says that its parent is in another namespace    | is in namespace default; no owner can be    |
      | it says that its parent is a "Deployment"          | is a Deployment, not a RemediationRequest   |

  @lifecycle @BR-WF-001
  Scenario: A deleted workflow that somebody still holds starts nothing more
    Given a workflow with the steps "a, b after a"
    And "a" takes 40s
    When it is applied
    And "a" is running
    And somebody holds it with a finalizer
    And somebody deletes it
    And 2m passes
    Then the controller's finalizer is gone
    And the children ever seen are "recover-step-1"
    When nobody holds it any more
    Then the workflow is gone

  @lifecycle @BR-WF-001
  Scenario: A workflow that waits for a decision can be deleted
    Given a workflow with the steps "a"
    And it needs an approval
    When it is applied
    And it waits for approval
    And somebody deletes it
    Then the workflow is gone
    And no child was ever created
    And an event "WorkflowExecutionDeleted" says "deleted in phase validating"

  @lifecycle @BR-WF-001
  Scenario: The final record of a workflow is kept before it goes
    Given a workflow with the steps "a, b after a"
    And "b" is critical
    And "b" always fails with "permission_denied"
    And its parent gave it the fingerprint of the signal
    And there is an audit store
    When it is applied
    Then it is "failed"
    And the audit store holds nothing of it
    When somebody deletes it
    Then the workflow is gone
    And the audit store holds its final record, which says
      | what        | value               |
      | kind        | WorkflowExecution   |
      | name        | recover             |
      | fingerprint | of the signal       |
      | remediation | shop-is-slow        |
      | definition  | recover-shop        |
      | phase       | failed              |
      | validation  | passed              |
      | steps       | 2                   |
      | failed      | 1                   |

  @lifecycle @BR-WF-001
  Scenario: A workflow that goes before it has begun leaves its final record too
    Given a workflow with the steps "a"
    And it needs an approval
    And there is an audit store
    When it is applied
    And it waits for approval
    And somebody deletes it
    Then the workflow is gone
    And the audit store holds its final record, which says
      | what       | value      |
      | phase      | validating |
      | validation |            |
      | steps      | 1          |
      | completed  | 0          |

  @lifecycle @BR-WF-001
  Scenario: While the audit store is down a deletion waits
    Given a workflow with the steps "a"
    And there is an audit store
    And a final record is waited for as long as 240h
    When it is applied
    And it is "completed"
    And the audit store is down
    And somebody deletes it
    Then an event "AuditStorageFailed" says "deletion waits for its final record to be kept"
    When 1m passes
    Then the controller still holds it
    And the audit store holds nothing of it
    When the audit store is there again
    Then the workflow is gone
    And the audit store holds one final record of it

  @lifecycle @BR-WF-001
  Scenario: An audit store that is down for longer than the grace holds up nothing any more
    Given a workflow with the steps "a"
    And there is an audit store
    And a final record is waited for as long as 1m
    And the metrics are read before
    When it is applied
    And it is "completed"
    And the audit store is down
    And somebody deletes it
    Then the workflow is gone
    And an event "AuditStorageFailed" says "let go without its final record"
    And the audit store holds nothing of it
    And the metrics have counted since
      | metric                                                  | labels | value |
      | kubernaut_workflowexecution_audit_records_lost_total    |        | 1     |

  @lifecycle @BR-WF-001
  Scenario: A record that is kept while nobody hears of it is kept once
    Given a workflow with the steps "a"
    And there is an audit store
    And a final record is waited for as long as 240h
    When it is applied
    And it is "completed"
    And the audit store keeps what it is given, and its replies are lost
    And somebody deletes it
    And the audit store holds its final record
    And the audit store is there again
    Then the workflow is gone
    And the audit store holds one final record of it

  @lifecycle @BR-WF-001
  Scenario: Killed between the final record and the end, the controller leaves one record
    Given a workflow with the steps "a"
    And there is an audit store
    And the controller dies as soon as its final record is kept
    When it is applied
    And it is "completed"
    And somebody deletes it
    Then the workflow is gone
    And it died of that
    And the audit store holds one final record of it

  @lifecycle @BR-WF-001
  Scenario: A workflow that has ended stays until somebody deletes it
    Given a workflow with the steps "a"
    And it is applied
    And it is "completed"
    When 10m passes
    Then it is still "completed"
    When somebody deletes it
    Then the workflow is gone
    And its children are gone

  @lifecycle @BR-WF-001
  Scenario: An orphan that has ended is deleted after its retention
    Given a workflow with the steps "a"
    And orphans are kept for 10m
    And the controller may delete workflows
    When it is applied
    Then it is "completed"
    And it is there 5m after its end
    And the workflow is gone
    And its children are gone
    And an event "OrphanDeleted" says "it ended long ago and has no living parent"

  @lifecycle @BR-WF-001
  Scenario: An owner reference that is refused at first is told, and added later
    Given a workflow with the steps "a"
    And it comes from a backup, with its finalizer and without its status
    And its parent exists
    And the first 1 writes of metadata of the controller are refused
    When it is applied
    Then it is "completed"
    And an event "OwnerReferenceFailed" says "its owner reference was refused"

  @lifecycle @BR-WF-001
  Scenario: Who has a parent that lives is no orphan
    Given a workflow with the steps "a"
    And its parent exists
    And orphans are kept for 2m
    And the controller may delete workflows
    And it is applied
    And it is "completed"
    When 10m passes
    Then it is still "completed"

  @lifecycle @BR-WF-001
  Scenario: Without the right to delete it an orphan stays, and that is told
    Given a workflow with the steps "a"
    And orphans are kept for 2m
    When it is applied
    Then it is "completed"
    And 4m passes
    And an event "OrphanNotDeleted" says "its deletion was refused"
    And it is still "completed"

  @lifecycle @BR-WF-001 @BR-WF-021
  Scenario: A parent makes its workflow, watches it and ends with it
    Given a workflow with the steps "a, b after a"
    When its parent asks for it
    Then the parent is "completed"
    And the parent's workflows are "shop-is-slow-workflow completed"
    And the parent owns them all
    And the parent knew of the end within 1s

  @lifecycle @BR-WF-050
  Scenario: After a failure the parent goes another way, once what was done is undone
    Given a workflow with the steps "a, b after a"
    And "b" is critical
    And "b" always fails with "permission_denied"
    And its parent knows another way with the steps "a"
    When its parent asks for it
    Then the parent is "completed"
    And the parent's workflows are "shop-is-slow-workflow failed, shop-is-slow-workflow-2 completed"
    And "shop-is-slow-workflow-2" was made after the end of "shop-is-slow-workflow"
    And the children ever seen are "shop-is-slow-workflow-step-1, shop-is-slow-workflow-step-2, shop-is-slow-workflow-rollback-1, shop-is-slow-workflow-2-step-1"
    And the parent owns them all

  @lifecycle @BR-WF-050
  Scenario: After the same failure twice the parent stops and asks for a person
    Given a workflow with the steps "a, b after a"
    And "b" is critical
    And "b" always fails with "permission_denied"
    And its parent knows another way with the steps "a, b after a"
    And its parent knows another way with the steps "a"
    When its parent asks for it
    Then the parent is "failed"
    And the parent says "a person is needed: the same failure twice"
    And the parent's workflows are "shop-is-slow-workflow failed, shop-is-slow-workflow-2 failed"

  @lifecycle @BR-WF-050
  Scenario: After three recoveries the parent stops and asks for a person
    Given a workflow with the steps "a, b after a"
    And "b" is critical
    And "b" always fails with "permission_denied"
    And its parent knows another way with "restart-deployment" for "b"
    And its parent knows another way with "update-image" for "b"
    And its parent knows another way with "update-configmap" for "b"
    And its parent knows another way with the steps "a"
    When its parent asks for it
    Then the parent is "failed"
    And the parent says "a person is needed: 3 recoveries failed"
    And the parent made 4 workflows

  @lifecycle @BR-WF-018a
  Scenario: What a person has cancelled the parent does not try again
    Given a workflow with the steps "a, b after a"
    And "a" takes 2m
    And its parent knows another way with the steps "a"
    When its parent asks for it
    And somebody cancels what the parent has made
    Then the parent is "failed"
    And the parent says "a person cancelled it"
    And the parent made 1 workflows
