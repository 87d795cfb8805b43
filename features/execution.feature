Feature: Execution
  Every started step is one KubernetesExecution; what becomes of it decides what starts next.

  @BR-WF-013
  Scenario: Each step has one child that belongs to its workflow
    Given a workflow with the steps "scale, verify after scale"
    When it is applied
    Then it is "completed"
    And the children ever seen are "recover-step-1, recover-step-2"
    And each child belongs to the workflow
    And child "recover-step-2" has the labels
      | workflow-execution | recover          |
      | step-index         | 2                |
      | action-type        | scale-deployment |
    And each child carries the workflow's correlation ID

  @BR-WF-023
  Scenario Outline: The parameters of a step reach its child: <action>
    Given a workflow with the steps "act"
    And "act" uses the action "<action>"
    When it is applied
    Then it becomes "monitoring"
    And child "recover-step-1" is told "<told>"
    And the target of "act" has changed

    Examples:
      | action             | told                                                        |
      | scale-deployment   | scaleDeployment: deployment=act replicas=5                  |
      | restart-deployment | rolloutRestart: deployment=act                              |
      | update-image       | patchDeployment: deployment=act patchType=strategic         |
      | update-configmap   | updateConfigMap: configMap=act data.mode=careful            |

  @BR-WF-012
  Scenario: What a child reports is kept with its step
    Given a workflow with the steps "scale"
    And "scale" takes 20s
    When it is applied
    Then it is "completed"
    And the result of "scale" is a success that took 20s
    And the result of "scale" says that its replicas went from 3 to 5
    And the deployment of "scale" has 5 replicas

  @BR-ORCHESTRATION-005 @BR-WF-010 @BR-WF-030
  Scenario: Steps start only after everything they depend on
    Given a workflow with the steps "a, b after a, c after a, d after b, e after c, f after d+e, g, h after g+b"
    And "c" takes 45s
    And "g" takes 20s
    When it is applied
    Then it becomes "monitoring"
    And every step started after all its dependencies had ended

  @BR-ORCHESTRATION-006 @BR-ORCHESTRATION-009
  Scenario: Steps that become ready together start together
    Given a workflow with the steps "a, b after a, c after a, d after a"
    When it is applied
    Then it becomes "monitoring"
    And "b, c, d" started at the same instant

  @BR-WF-014 @BR-WF-031 @BR-WF-040
  Scenario: A child's status alone moves the workflow on
    Given a workflow with the steps "a, b after a"
    And "a" uses the action "update-configmap"
    And "a" never answers
    When it is applied
    And "a" is running
    And somebody reports that the child of "a" completed
    Then "b" started within 30s of that
    And it is "completed"

  @BR-EXECUTION-001
  Scenario: Progress is told and never falls
    Given a workflow with the steps "a, b after a, c after b"
    When it is applied
    Then it is "completed"
    And its progress went through "0, 33, 66, 100"
    And every step has a start and an end
    And the current step went through "1, 2, 3"

  @BR-WF-030c
  Scenario Outline: A step goes from state to state as its table says: <how>
    Given a workflow with the steps "a, b"
    And the rollback strategy is "none"
    And <how>
    When it is applied
    Then it is "<phase>"
    And "a" went through "<states>"

    Examples:
      | how                                      | states                                               | phase     |
      | "a" takes 5s                             | pending, executing, completed                        | completed |
      | "a" runs when `false`                    | pending, skipped                                     | completed |
      | "a" always fails with "image_pull"       | pending, executing, failed                           | completed |
      | "a" fails once with "network"            | pending, executing, retrying, executing, completed   | completed |
      | "a" never comes up to its precondition   | pending, blocked                                     | failed    |
      | "a" never keeps its promise              | pending, executing, failed                           | failed    |

  @BR-WF-030c @BR-WF-051
  Scenario: A step that is undone was completed before
    Given a workflow with the steps "a, b after a"
    And "b" is critical
    And "b" always fails with "permission_denied"
    When it is applied
    Then it is "failed"
    And "a" went through "pending, executing, completed, rolled_back"

  @BR-WF-030c
  Scenario: What a child says once its step has completed changes nothing
    Given a workflow with the steps "a, b after a"
    And "a" uses the action "update-configmap"
    And "a" never answers
    And "b" takes 40s
    And targets are watched for 1m at the most
    When it is applied
    And "a" is running
    And somebody reports that the child of "a" completed
    And "b" is running
    And somebody reports that the child of "a" completed without success: "I take it back"
    Then it is "completed"
    And its steps are "a completed, b completed"
    And "a" went through "pending, executing, completed"

  @BR-WF-011 @BR-WF-050 @BR-WF-021d
  Scenario: What depends on a failed step never starts
    Given a workflow with the steps "a, b after a, c after b, d"
    And "a" always fails with "permission_denied"
    When it is applied
    Then it is "completed"
    And its steps are "a failed, b skipped, c skipped, d completed"
    And the children ever seen are "recover-step-1, recover-step-4"
    And its outcome is "partial_success"
    And an event "StepSkipped" says "dependency 'a' is failed"

  @BR-WF-020
  Scenario: A way out is taken only when the first way fails
    Given a workflow with the steps "try, other after try, third after other"
    And "other" runs only if its primary fails
    And "try" always fails with "permission_denied"
    When it is applied
    Then it is "completed"
    And its steps are "try failed, other completed, third completed"

  @BR-WF-013
  Scenario Outline: A workflow may have any name the server takes: <length> characters
    Given a workflow with the steps "a, b after a"
    And its name has <length> characters
    And "b" fails once with "evicted"
    When it is applied
    Then it is "completed"
    And 3 children have names of their own that the server takes
    And each child belongs to the workflow
    And each child's label "workflow-execution" is that of no other workflow
    And an event "WorkflowExecutionCompleted" says "success"

    Examples:
      | length |
      | 54     |
      | 63     |
      | 64     |
      | 243    |
      | 253    |

  @BR-WF-014
  Scenario: A phase of a child that nobody knows is waited out
    Given a workflow with the steps "a, b after a"
    And "a" uses the action "update-configmap"
    And "a" never answers
    When it is applied
    And "a" is running
    And somebody reports that the child of "a" is "dreaming"
    And 1m passes
    Then it is still "executing"
    And its steps are "a executing, b pending"
    When somebody reports that the child of "a" completed
    Then it is "completed"
    And the children ever seen are "recover-step-1, recover-step-2"

  @BR-WF-014
  Scenario: A child that is ready to be undone still runs
    Given a workflow with the steps "a, b after a"
    And "a" uses the action "update-configmap"
    And "a" never answers
    When it is applied
    And "a" is running
    And somebody reports that the child of "a" is "rollback_ready"
    And 1m passes
    Then it is still "executing"
    And its steps are "a executing, b pending"
    When somebody reports that the child of "a" completed
    Then it is "completed"

  @BR-WF-014
  Scenario: A child that completed without success has failed
    Given a workflow with the steps "a, b after a, c"
    And "a" uses the action "update-configmap"
    And "a" never answers
    When it is applied
    And "a" is running
    And somebody reports that the child of "a" completed without success: "configmaps is forbidden: no right to patch"
    Then it is "completed"
    And its steps are "a failed, b skipped, c completed"
    And its outcome is "partial_success"
