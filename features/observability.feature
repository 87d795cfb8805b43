Feature: What is seen
  How far a workflow has come is told by phase and by batch: in its status, in events, in metrics.

  @BR-WF-024
  Scenario: Progress is told batch by batch
    Given a workflow with the steps "a, b, c after a+b, d after c"
    And "a" takes 20s
    When it is applied
    Then it is "completed"
    And its completed batches went through "0, 1, 2, 3"
    And an event "PlanCreated" says "4 steps in 3 batches, sequential-with-parallel"
    And an event "WorkflowValidated" says "safety checks passed"
    And an event "StepExecuting" says "step 3 (c): scale-deployment"
    And its condition "DryRunSucceeded" is "True"
    And its condition "Validated" is "True"
    And its condition "Executing" is "True"
    And its condition "StepsCompleted" is "True"
    And its condition "Succeeded" is "True"

  @BR-WF-024
  Scenario: The metrics tell phases and batches apart
    Given a workflow with the steps "a, b, c after a+b"
    And the metrics are read before
    When it is applied
    Then it is "completed"
    And the metrics have counted since
      | metric                                                   | labels                                                            | times |
      | workflowexecution_created_total                          |                                                                   | 1     |
      | kubernaut_workflowexecution_phase_duration_seconds_count | phase=planning                                                    | 1     |
      | kubernaut_workflowexecution_phase_duration_seconds_count | phase=validating                                                  | 1     |
      | kubernaut_workflowexecution_phase_duration_seconds_count | phase=executing                                                   | 1     |
      | kubernaut_workflowexecution_phase_duration_seconds_count | phase=monitoring                                                  | 1     |
      | kubernaut_workflowexecution_phase_duration_seconds_count | phase=rolling_back                                                | 0     |
      | kubernaut_workflowexecution_batch_duration_seconds_count | batch=1                                                           | 1     |
      | kubernaut_workflowexecution_batch_duration_seconds_count | batch=2                                                           | 1     |
      | kubernaut_workflowexecution_batch_duration_seconds_count | batch=3                                                           | 0     |
      | kubernaut_workflowexecution_steps_created_total          | workflow_name=recover-shop action=scale-deployment                | 3     |
      | kubernaut_workflowexecution_steps_completed_total        | workflow_name=recover-shop action=scale-deployment status=success | 3     |
      | kubernaut_workflowexecution_executions_total             | workflow_name=recover-shop outcome=success                        | 1     |
      | workflowexecution_workflow_steps_total_sum               |                                                                   | 3     |
      | kubernaut_workflowexecution_parallel_execution_efficiency_count  |                                                           | 1     |
      | kubernaut_workflowexecution_parallel_execution_efficiency_bucket | le=0.5                                                    | 0     |
      | kubernaut_workflowexecution_parallel_execution_efficiency_bucket | le=0.75                                                   | 1     |

  @BR-WF-024
  Scenario: The metrics tell in which phase what went wrong
    Given a workflow with the steps "a, b after a"
    And "b" is critical
    And "b" always fails with "oom_killed"
    And the rollback strategy is "automatic"
    And the metrics are read before
    When it is applied
    Then it is "failed"
    And the metrics have counted since
      | metric                                                   | labels                                         | times |
      | kubernaut_workflowexecution_phase_duration_seconds_count | phase=rolling_back                             | 1     |
      | kubernaut_workflowexecution_phase_duration_seconds_count | phase=monitoring                               | 0     |
      | kubernaut_workflowexecution_rollbacks_total              | workflow_name=recover-shop reason=step_failure | 1     |
      | kubernaut_workflowexecution_steps_completed_total        | status=success                                 | 1     |
      | kubernaut_workflowexecution_steps_completed_total        | status=failed                                  | 1     |
      | kubernaut_workflowexecution_executions_total             | outcome=failed                                 | 1     |
      | kubernaut_workflowexecution_step_retry_exhausted_total   | action=scale-deployment                        | 1     |
    And an event "RollbackStarted" says "1 step to undo"
    And an event "StepRolledBack" says "step 1 (a) undone by"
    And its condition "Succeeded" is "False" and says "step_failed"

  @BR-WF-052b
  Scenario: The metrics tell how conditions were judged
    Given a workflow with the steps "a, b after a"
    And "a" precondition is `input.current_replicas == 7`
    And "a" may miss its precondition
    And "a" gives its precondition 1s
    And "a" postcondition is `input.current_replicas == 5`
    And the metrics are read before
    When it is applied
    Then it is "completed"
    And the metrics have counted since
      | metric                             | labels                                 | times |
      | wfexec_condition_evaluations_total | kind=pre result=failed required=false  | 1     |
      | wfexec_condition_evaluations_total | kind=post result=failed                | 0     |
      | wfexec_condition_evaluations_total | kind=post result=passed required=true  | 5     |

  @BR-WF-024
  Scenario: The metrics tell why a definition is refused
    Given a workflow with the steps "a after b, b after a"
    And the metrics are read before
    When it is applied
    Then it is "failed"
    And the metrics have counted since
      | metric                                                         | labels                                       | times |
      | kubernaut_workflowexecution_errors_total                       | error_type=validation_error phase=planning   | 1     |
      | kubernaut_workflowexecution_errors_total                       | phase=validating                             | 0     |
      | workflowexecution_validation_failures_total                    |                                              | 1     |
      | kubernaut_workflowexecution_circular_dependency_detected_total |                                              | 1     |
      | kubernaut_workflowexecution_executions_total                   | workflow_name=recover-shop outcome=failed    | 1     |
    And its condition "ValidationFailed" is "True" and says "planning_error"

  @BR-WF-024
  Scenario: The metrics tell which check a workflow failed
    Given a workflow with the steps "scale"
    And the executor has no right to "scale-deployment"
    And the metrics are read before
    When it is applied
    Then it is "failed"
    And the metrics have counted since
      | metric                                              | labels                                       | times |
      | kubernaut_workflowexecution_safety_validation_total | check_type=rbac result=fail                  | 1     |
      | kubernaut_workflowexecution_safety_validation_total | check_type=rbac result=pass                  | 0     |
      | kubernaut_workflowexecution_safety_validation_total | check_type=health result=pass                | 1     |
      | kubernaut_workflowexecution_errors_total            | error_type=validation_error phase=validating | 1     |
      | workflowexecution_validation_failures_total         |                                              | 1     |
    And an event "WorkflowValidationFailed" says "safety_validation_failed: rbac check failed"
    And its condition "Validated" is "False" and says "rbac check failed"

  @BR-WF-024 @BR-WF-037
  Scenario: The metrics tell what could not be undone
    Given a workflow with the steps "a, check after a"
    And "check" is critical
    And "check" always fails with "oom_killed"
    And undoing "a" always fails with "permission_denied"
    And the metrics are read before
    When it is applied
    Then it is "failed"
    And the metrics have counted since
      | metric                                   | labels                                             | times |
      | kubernaut_workflowexecution_errors_total | error_type=oom_killed phase=executing              | 1     |
      | kubernaut_workflowexecution_errors_total | error_type=permission_denied phase=rolling_back    | 1     |

  @BR-WF-024 @BR-WF-016a
  Scenario: The metrics tell what ran out of time, and an event says of which
    Given a workflow with the steps "a"
    And "a" is critical
    And "a" never answers
    And the workflow has a timeout of 1m
    And the metrics are read before
    When it is applied
    Then it is "failed"
    And its failure reason says "workflow_timeout: Critical step 1 (a) failed"
    And an event "WorkflowTimeout" says "the workflow's deadline passed: Critical step 1 (a) failed"
    And the metrics have counted since
      | metric                                   | labels                             | times |
      | kubernaut_workflowexecution_errors_total | error_type=timeout phase=executing | 1     |

  @BR-WF-024
  Scenario: What happens again is one event that counts up
    Given a workflow with the steps "a"
    And "a" takes 2m
    And the metrics are read before
    When it is applied
    And "a" is running
    And somebody suspends it
    And it is "paused"
    And somebody resumes it
    And it is "executing"
    And somebody suspends it
    Then it is "paused"
    And the event "Paused" with "paused while executing" was counted 2 times
    And an event "Resumed" says "resumed executing after"
    And the metrics have counted since
      | metric                                                   | labels          | times |
      | kubernaut_workflowexecution_phase_duration_seconds_count | phase=executing | 0     |
      | kubernaut_workflowexecution_phase_duration_seconds_count | phase=paused    | 1     |

  @BR-WF-021
  Scenario Outline: Each end is told by an event: <end>
    Given a workflow with the steps "a"
    And "a" is critical
    And <what happens>
    When it is applied
    Then it is "<end>"
    And an event "<event>" says "<words>"
    And an event "PhaseTransition" says "<end>"

    Examples:
      | what happens                       | end       | event                      | words       |
      | "a" takes 5s                       | completed | WorkflowExecutionCompleted | success     |
      | "a" always fails with "oom_killed" | failed    | WorkflowExecutionFailed    | step_failed |

  @BR-WF-019b
  Scenario: The correlation ID that the parent gave reaches every child
    Given a workflow with the steps "a, b after a"
    And its parent gave it the correlation ID "alert-4711"
    When it is applied
    Then it is "completed"
    And each child carries the correlation ID "alert-4711"

  @BR-WF-023
  Scenario: What a step is to keep secret is told to its child and to nobody else
    Given a workflow with the steps "rotate"
    And "rotate" writes "aHVudGVyMjI=" under "password" into the Secret "login"
    And no safety check is required
    And "rotate" always fails and says "cannot log in with hunter22"
    When it is applied
    Then it is "failed"
    And child "recover-step-1" is told "updateSecret: data.password=aHVudGVyMjI="
    And the error of "rotate" says "cannot log in with ***REDACTED***"
    And "hunter22" stands nowhere but in the definition
    And "aHVudGVyMjI=" stands nowhere but in the definition
    And the metrics do not show "hunter22"

  @BR-WF-023
  Scenario: What an executor says of a password is not repeated
    Given a workflow with the steps "scale"
    And "scale" always fails and says "dial postgres://shop:hunter22@db: password=hunter22 refused"
    When it is applied
    Then it is "failed"
    And the error of "scale" says "dial postgres://shop:***REDACTED***@db: password=***REDACTED*** refused"
    And "hunter22" stands nowhere but in the definition
