Feature: Resilience
  Whatever happens to the controller, the outcome is the one it would have been.

  @BR-WF-020a @BR-WF-025a @BR-WF-013
  Scenario: A controller that comes back goes on where the last one stopped
    Given a workflow with the steps "a, b after a, c after b"
    And "a" takes 40s
    And "b" fails once with "network"
    When it is applied
    And "a" is running
    And the controller is killed
    Then it is "completed"
    And its outcome is "success"
    And the children ever seen are "recover-step-1, recover-step-2, recover-step-2-r1, recover-step-3"

  @BR-WF-025a @BR-WF-013
  Scenario: A controller killed after any of its writes
    Given a workflow with the steps "a, b after a"
    And "b" is critical
    When it is run once for each write of the controller, and the controller is killed after that write
    Then each time it was "completed" with the outcome "success"
    And each time the children ever seen were "recover-step-1, recover-step-2"
    And each time the deployments of "a, b" had 5 replicas

  @BR-WF-025a @BR-WF-051
  Scenario: A controller killed after any of its writes while things go wrong
    Given a workflow with the steps "a, check after a"
    And "check" is critical
    And "check" always fails with "permission_denied"
    When it is run once for each write of the controller, and the controller is killed after that write
    Then each time it was "failed" with the outcome "failed"
    And each time the children ever seen were "recover-step-1, recover-step-2, recover-rollback-1"
    And each time the deployments of "a" had 3 replicas

  @BR-WF-047 @BR-WF-047-EC1
  Scenario: Two controllers share a lease, and the one that leads dies
    Given a workflow with the steps "a, b after a, c after b"
    And "a" takes 40s
    And there are 2 controllers
    When it is applied
    And "a" is running
    And the leading controller is killed
    Then it is "completed"
    And its outcome is "success"
    And the other controller has taken the lease over
    And the children ever seen are "recover-step-1, recover-step-2, recover-step-3"
    And "a" was tried by the children "recover-step-1"
    And its progress never fell

  @BR-WF-045 @BR-WF-045-EC1
  Scenario: Somebody else writes the object while the controller does
    Given a workflow with the steps "a, b after a, c after a, d after b+c"
    And somebody labels the workflow just before every other write of the controller
    When it is applied
    Then it is "completed"
    And its outcome is "success"
    And at least one write of the controller was refused for that
    And the children ever seen are "recover-step-1, recover-step-2, recover-step-3, recover-step-4"
    And the label that somebody wrote is still there
    And its progress never fell

  @BR-WF-025
  Scenario: A status that somebody edited by hand is not guessed at
    Given a workflow with the steps "a, b after a"
    And "a" takes 1m
    When it is applied
    And "a" is running
    And somebody empties the list of its steps in the status
    Then it is "failed"
    And its failure reason says "status_inconsistent"

  @BR-WF-025-EC1 @BR-WF-040
  Scenario: Watches that bring nothing any more and stay open
    Given a workflow with the steps "a, b after a"
    And a watch is doubted that brings nothing for 10s
    And "a" takes 30s
    When it is applied
    And "a" is running
    And the controller's watches bring nothing any more and stay open
    Then it is "completed"
    And its outcome is "success"
    And the children ever seen are "recover-step-1, recover-step-2"
    And "b" started within 15s of the end of "a"

  @BR-WF-025-EC1 @BR-WF-023
  Scenario: Somebody cancels a workflow while the controller's watches bring nothing
    Given a workflow with the steps "a, b after a"
    And a watch is doubted that brings nothing for 10s
    And "a" takes 5m
    When it is applied
    And "a" is running
    And the controller's watches bring nothing any more and stay open
    And somebody cancels it and asks for its children to be deleted
    Then it is "cancelled"
    And it ended within 15s of the trouble

  @BR-WF-025 @BR-WF-045
  Scenario Outline: One write is answered with <trouble>
    Given a workflow with the steps "a, b after a, c after a, d after b+c"
    And write <write> of the controller meets the trouble "<trouble>"
    When it is applied
    Then it is "completed"
    And its outcome is "success"
    And the trouble came
    And the children ever seen are "recover-step-1, recover-step-2, recover-step-3, recover-step-4"
    And the deployments of "a, b, c, d" have 5 replicas again
    And its progress never fell

    Examples:
      | trouble     | write |
      | throttle    | 5     |
      | fail        | 4     |
      | unavailable | 5     |
      | conflict    | 4     |
      | lose-reply  | 5     |
      | drop        | 6     |
      | forbid      | 5     |
      | forbid      | 7     |
      | forbid      | 8     |

  @BR-WF-025 @BR-WF-025-EC1 @BR-WF-047
  Scenario Outline: The controller's picture of the cluster is spoilt: <trouble>
    Given a workflow with the steps "a, b after a, c after a, d after b+c"
    And a watch is doubted that brings nothing for 10s
    And write 5 of the controller meets the trouble "<trouble>"
    When it is applied
    Then it is "completed"
    And its outcome is "success"
    And the trouble came
    And the children ever seen are "recover-step-1, recover-step-2, recover-step-3, recover-step-4"
    And the deployments of "a, b, c, d" have 5 replicas again
    And its progress never fell

    Examples:
      | trouble     |
      | stall       |
      | cut         |
      | forget      |
      | repeat      |
      | crash-stale |
      | pause       |

  @BR-WF-025 @BR-WF-015
  Scenario: An API server that has not read its roles yet refuses questions, and planning waits
    Given a workflow with the steps "a, b after a"
    And the first 3 questions of the controller are refused
    When it is applied
    Then it is "completed"
    And its outcome is "success"
    And its message once said "not believed before it has lasted 25s: no right to"

  @BR-WF-025 @BR-WF-045 @BR-WF-026
  Scenario: The API server goes away while a template is waited for, for longer than planning may last, and it goes on
    Given the template "scale-both" 1.0.0 in its own namespace
    And a workflow from the template "scale-both" 1.0.0
    When it is applied
    And it becomes "planning"
    And the API server is away for 50s
    Then it is "completed"
    And its outcome is "success"
    And its plan is from the template "scale-both" 1.0.0

  @BR-WF-025 @BR-WF-045 @BR-WF-015 @BR-WF-017
  Scenario: The API server goes away while rights and targets are looked at, and validation goes on afterwards
    Given a workflow with the steps "a, b after a"
    When it is applied
    And it becomes "validating"
    And the API server is away for 50s
    Then it is "completed"
    And its outcome is "success"
    And the children ever seen are "recover-step-1, recover-step-2"

  @BR-WF-025 @BR-WF-015
  Scenario: A right that is missing for good is believed in the end
    Given a workflow with the steps "a"
    And the first 999 questions of the controller are refused
    When it is applied
    Then it is "failed"
    And its failure reason says "rbac check failed: unknown: no right to ask for access reviews"
    And from its validation to its end 25s to 35s passed

  @BR-WF-013 @BR-WF-025
  Scenario: A right to make children that is missing for good fails the step, and that is told
    Given a workflow with the steps "a"
    And "a" is critical
    And "a" allows 0 retries
    And the first 999 children of the controller are refused
    When it is applied
    Then it is "failed"
    And its error type is "creation_failed"
    And its condition "StepCreationFailed" is "True" and says "forbidden"
    And no child was ever created

  @BR-WF-013 @BR-WF-025 @BR-WF-005b
  Scenario: The complaint that children cannot be made ends when somebody does without the last of them
    Given a workflow with the steps "a, b after a, c, d after a, e after d"
    And "a" takes 10s
    And "b" allows 0 retries
    And "d" allows 0 retries
    And "c" takes 4m
    When it is applied
    And "a" is running
    And "c" is running
    And the next 18 children of the controller are refused
    Then the step "b" becomes "failed"
    And the step "d" becomes "failed"
    When "alice" asks to "skip" the step "b"
    Then the step "b" becomes "skipped"
    And its condition "StepCreationFailed" is "True" and says "forbidden"
    And no wish of a person is left
    When "alice" asks to "complete" the step "d"
    Then it is "completed"
    And its steps are "a completed, b skipped, c completed, d completed, e completed"
    And its condition "StepCreationFailed" is "False" and says "step 4 (d) was called completed by alice"

  @BR-WF-025 @BR-WF-016c
  Scenario: A required condition is not judged by a refusal that may pass
    Given a workflow with the steps "a, b after a"
    And "b" precondition is `input.current_replicas == 3`
    And "b" gives its precondition 1s
    And "a" takes 40s
    When it is applied
    And "a" is running
    And the next 3 questions of the controller are refused
    Then it is "completed"
    And its outcome is "success"
    And its condition "Degraded" once said "not believed before it has lasted 25s: no right to read Deployment"
    And its condition "Degraded" is "False"

  @BR-WF-025 @BR-WF-055
  Scenario: An undo is verified although the look at its target was refused at first
    Given a workflow with the steps "a, check after a"
    And "check" is critical
    And "check" takes 20s
    And "check" always fails with "permission_denied"
    When it is applied
    And "check" is running
    And the next 5 questions of the controller are refused
    Then it is "failed"
    And its steps are "a rolled_back, check failed"
    And the undo of "a" says nothing
    And the deployments of "a" have 3 replicas again

  @BR-WF-025 @BR-WF-054
  Scenario: A copy for undoing that may not be kept at first is kept a moment later
    Given a workflow with the steps "config, last after config"
    And "config" uses the action "update-configmap"
    And the executor does not say how "config" is undone
    And the first 4 copies of the controller are refused
    And "last" is critical
    And "last" always fails with "permission_denied"
    When it is applied
    Then it is "failed"
    And its message once said "not believed before it has lasted 25s: no right to keep a copy for undoing"
    And its steps are "config rolled_back, last failed"
    And the key "mode" of the ConfigMap "config" is "fast"

  @BR-WF-025 @BR-WF-045
  Scenario: A controller that may not write status for a moment goes on right afterwards
    Given a workflow with the steps "a, b after a"
    And "a" takes 20s
    When it is applied
    And "a" is running
    And the next 4 writes of status of the controller are refused
    Then it is "completed"
    And its outcome is "success"
    And "b" started within 3s of the end of "a"
    And the children ever seen are "recover-step-1, recover-step-2"

  @BR-WF-025 @BR-WF-045
  Scenario: A controller that may not write status for long says so once, loses nothing and does nothing twice
    Given a workflow with the steps "a, b after a"
    And "a" takes 20s
    When it is applied
    And "a" is running
    And the next 14 writes of status of the controller are refused
    Then it is "completed"
    And its outcome is "success"
    And an event "WriteRefused" says "the API server refuses its status; nothing is lost, and it is tried again"
    And the children ever seen are "recover-step-1, recover-step-2"
    And the deployments of "a, b" have 5 replicas again
    And its progress never fell

  @BR-WF-025 @BR-WF-054 @lifecycle
  Scenario: A copy for undoing that may not be dropped at first goes with its workflow all the same
    Given a workflow with the steps "config"
    And "config" uses the action "update-configmap"
    And it is applied
    And it is "completed"
    And the copy for undoing is there
    And the next 3 copies to be dropped of the controller are refused
    When somebody deletes it
    Then the workflow is gone
    And the copy for undoing is gone

  @BR-WF-047 @BR-WF-033 @BR-WF-019a @crowd
  Scenario: A hundred workflows at once have children of their own and no others
    Given a workflow with the steps "a, b after a"
    And each of its steps uses the action "notify-only"
    And each of its steps is told the name of its workflow
    And the controller waits up to 4h for everything
    And no executor is at work
    When 100 copies of it are applied
    And each of them has a child
    And the executor begins to work
    Then all of them are "completed"
    And all of them were executing at one moment
    And each of them ever had the children of its own 2 steps and no others
    And each child carries the name and the correlation ID of its own workflow

  @BR-WF-047 @BR-WF-025 @crowd
  Scenario: A thousand workflows queue and all get their turn
    Given a workflow with the steps "a"
    And each of its steps uses the action "notify-only"
    And it is suspended from the beginning
    And it comes from a backup, with its finalizer and without its status
    And the controller waits up to 4h for everything
    And the controller may send 4 requests per second, and 10 at once
    When 1000 copies of it are applied while no controller is at work
    Then at least 900 of them wait in its queue at one moment
    And all of them are "paused"
    And each of them was written exactly 2 times
    And from the first of them to the last at least 9m passed
    When every 100th of them is resumed
    Then those are "completed", and the others still "paused"
    And each of those had the child of its own step, and the others none
