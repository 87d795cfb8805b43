Feature: Planning
  A recipe becomes a plan that people can read before anything is changed, or a refusal that names what is wrong.

  @BR-WF-001
  Scenario: A new workflow is taken over by the controller
    Given a workflow with the steps "scale"
    When it is applied
    Then it becomes "validating"
    And it carries the controller's finalizer
    And its planning began before its validation
    And an event "WorkflowExecutionCreated" says "accepted"

  @BR-WF-002 @BR-WF-004 @BR-WF-010 @BR-ORCHESTRATION-002 @BR-ORCHESTRATION-003 @BR-ORCHESTRATION-008 @BR-WF-020c
  Scenario Outline: The shape of the dependencies decides batches and strategy: <shape>
    Given a workflow with the steps "<steps>"
    When it is applied
    Then it becomes "executing"
    And its batches are "<batches>"
    And its strategy is "<strategy>"
    And its total is <total> steps

    Examples:
      | shape         | steps                                                                         | batches         | strategy                 | total |
      | 3 independent | a, b, c                                                                       | a+b+c           | parallel                 | 3     |
      | chain of 3    | a, b after a, c after b                                                       | a, b, c         | sequential               | 3     |
      | diamond       | a, b after a, c after a, d after b+c                                          | a, b+c, d       | sequential-with-parallel | 4     |
      | fork and join | a, b after a, c after a, d after a, e after a, f after b+c+d+e                | a, b+c+d+e, f   | sequential-with-parallel | 6     |
      | written late  | c after b, a, b after a                                                       | a, b, c         | sequential               | 3     |

  @BR-WF-003
  Scenario Outline: A definition that is no definition is refused when it is applied: <what>
    Given a workflow with the steps "a"
    And the field "<field>" of step "a" is "<value>"
    When somebody tries to apply it
    Then the server refuses it and names "<named>"

    Examples:
      | what         | field      | value | named                                       |
      | bad duration | timeout    | soon  | spec.workflowDefinition.steps[0].timeout    |
      | wrong type   | stepNumber | first | spec.workflowDefinition.steps[0].stepNumber |
      | no action    | action     |       | spec.workflowDefinition.steps[0].action     |

  @BR-WF-005
  Scenario Outline: A definition that cannot be carried out fails in planning: <what>
    Given a workflow with the steps "a, b"
    And the field "<field>" of step "b" is "<value>"
    When it is applied
    Then it is "failed"
    And its failure reason says "<reason>"
    And no child was ever created

    Examples:
      | what           | field         | value             | reason                                   |
      | unknown action | action        | scale-deploymnet  | did you mean scale-deployment            |
      | name twice     | name          | a                 | the name 'a' is used twice               |
      | wrong member   | action        | cordon-node       | cordon-node takes cordonNode             |
      | other cluster  | targetCluster | frankfurt         | 'frankfurt' is not this cluster          |
      | endless step   | timeout       | 4h                | timeout 4h must be more than 0s          |

  @BR-WF-001 @BR-ORCHESTRATION-004
  Scenario: A suggestion to run steps side by side changes no dependency
    Given a workflow with the steps "a, b after a"
    And it is recommended: `{parallelExecutionSuggestions: [{groupName: both, stepNumbers: [1, 2], confidence: 0.9}], safetyImprovements: [{description: watch it}]}`
    When it is applied
    Then it is "completed"
    And every step started after all its dependencies had ended

  @BR-WF-010-EC1 @BR-ORCHESTRATION-004
  Scenario Outline: A circle of dependencies is refused with the way around it: <what>
    Given a workflow with the steps "<steps>"
    When it is applied
    Then it is "failed"
    And its failure reason says "circular dependency detected"
    And its failure reason says "<path>"
    And no child was ever created

    Examples:
      | what     | steps                                | path          |
      | of two   | a after b, b after a                 | a → b → a     |
      | of three | a after c, b after a, c after b      | a → b → c → a |
      | of one   | a, b after b                         | b → b         |

  @BR-WF-012-EC1
  Scenario: A dependency on a step that does not exist names both
    Given a workflow with the steps "scale, verify"
    And "verify" waits for "restart"
    When it is applied
    Then it is "failed"
    And its failure reason says "dependency not found"
    And its failure reason says "'verify'"
    And its failure reason says "'restart'"
    And no child was ever created

  @BR-WF-015-EC1 @BR-WF-004
  Scenario: A chain of a hundred steps is planned
    Given a chain of 100 steps
    When it is applied
    Then it becomes "validating"
    And its total is 100 steps
    And its plan has 100 batches

  @BR-WF-020
  Scenario: The plan fixes retries, timeout and undo of every step
    Given a workflow with the steps "a, b, c after a+b"
    And "a" allows 4 retries
    And "a" has a timeout of 90s
    And the strategy allows 1 retry
    And "c" uses the action "restart-deployment"
    When it is applied
    Then it is "completed"
    And the plan says of its steps
      | step | timeout | retries | undo             |
      | a    | 1m30s   | 4       | scale-deployment |
      | b    | 5m      | 1       | scale-deployment |
      | c    | 5m      | 1       |                  |

  @BR-WF-025
  Scenario: The version of the definition is recorded, and the definition stays as it was planned
    Given a workflow with the steps "a, b after a"
    And the version of its definition is "2.1.0"
    And "a" takes 40s
    When it is applied
    And "a" is running
    And somebody tries to change its definition
    Then the server refuses it and names "workflowDefinition is immutable"
    And it is "completed"
    And its plan is of version "2.1.0"

  @BR-WF-003
  Scenario Outline: What the schema can see is refused when it is applied: <what>
    Given a workflow of <count> independent steps
    When somebody tries to apply it
    Then the server refuses it and names "<named>"

    Examples:
      | what           | count | named                         |
      | no step        | 0     | should have at least 1 items  |
      | too many steps | 101   | must have at most 100 items   |

  @BR-WF-003
  Scenario Outline: What the schema can see of a step is refused when it is applied: <what>
    Given a workflow with the steps "a, b"
    And "b" <what>
    When somebody tries to apply it
    Then the server refuses it and names "<named>"

    Examples:
      | what                              | named                                        |
      | has the number of the first       | Duplicate value                              |
      | has the parameters of two actions | set exactly one of scaleDeployment           |
      | would be undone in two ways       | set exactly one of restorePreviousDeployment |

  @BR-WF-003
  Scenario: A workflow without any time is refused when it is applied
    Given a workflow with the steps "a"
    And the workflow has a timeout of 0s
    When somebody tries to apply it
    Then the server refuses it and names "timeout must be more than 0s"

  @BR-WF-003
  Scenario: Steps and a template at once are refused when they are applied
    Given a workflow with the steps "a"
    And a template is named beside the steps
    When somebody tries to apply it
    Then the server refuses it and names "set exactly one of workflowDefinition, templateRef"

  @BR-WF-005
  Scenario Outline: Every refusal of planning has a word of its own: <reason>
    Given a workflow with the steps "a, b"
    And "b" <what>
    When it is applied
    Then it is "failed"
    And planning refused it as "<reason>"
    And its failure reason says "planning_error"
    And no child was ever created

    Examples:
      | reason                | what                                      |
      | parameters_missing    | has no parameters                         |
      | parameters_too_large  | has a configuration too large for a child |
      | secret_not_base64     | writes a plain text into a Secret         |
      | selector_invalid      | restarts the pods of an open list         |
      | selector_invalid      | restarts the pods of an empty selector    |
      | timeout_out_of_range  | is undone within no time                  |
      | run_condition_primary | has a way out and no dependency           |
      | self_dependency       | waits for itself                          |
      | dependency_not_found  | waits for step 7                          |

  @BR-WF-015s
  Scenario: The plan says which objects its steps touch and how hard, and which of them are there
    Given a workflow with the steps "grow, stop after grow, pod after stop"
    And "stop" scales its deployment to 0
    And "pod" uses the action "delete-pod"
    And the pod of "pod" runs on the node "node-1"
    And the only safety check is "health", and it is not required
    And the deployment of "stop" does not exist
    And the dry run is left out
    When it is applied
    Then it becomes "executing"
    And the plan says of its targets
      | step | target          | impact |
      | grow | Deployment grow | medium |
      | stop | Deployment stop | high   |
      | pod  | Pod pod         | high   |
    And the plan counts 3 targets of high impact, 2 available and 1 unavailable

  @BR-WF-002 @BR-WF-004
  Scenario: The plan names its critical path and how long it will take with the slots there are
    Given a workflow with the steps "a, b after a, c after a, d after b+c"
    And "c" uses the action "restart-deployment"
    And at most 1 steps run at a time
    When it is applied
    Then it becomes "executing"
    And the critical path is "a, c, d"
    And the plan takes 3m15s

  @BR-WF-015-EC1 @BR-WF-005
  Scenario: A hundred and one steps are refused when they are applied
    Given a chain of 101 steps
    When somebody tries to apply it
    Then the server refuses it and names "must have at most 100 items"

  @BR-WF-015-EC1
  Scenario: A hundred steps are planned within the planning phase's five seconds
    Given a workflow of 100 independent steps
    When it is applied
    Then it becomes "validating"
    And from its planning to its validation 0s to 5s passed

  @BR-WF-005
  Scenario: A refusal names the field, and every refused workflow stays without children
    Given a workflow with the steps "a, b after a"
    And the field "action" of step "b" is "nonsense"
    When it is applied
    Then it is "failed"
    And its failure reason says "planning_error: spec.workflowDefinition.steps[1].action"
    And its condition "Planned" is "False" and says "nonsense"
    And no child was ever created

  @BR-WF-025
  Scenario Outline: What was planned stays as it was: <field>
    Given a workflow with the steps "a"
    And "a" takes 40s
    When it is applied
    And "a" is running
    And somebody tries to change its "<field>"
    Then the server refuses it and names "<field> is immutable"
    And it is "completed"

    Examples:
      | field                 |
      | executionStrategy     |
      | failurePolicy         |
      | successCriteria       |
      | conditionOverrides    |
      | adaptiveOrchestration |
      | remediationRequestRef |

  @BR-WF-025
  Scenario: What the server cannot guard is refused by the controller, and nothing is planned anew
    Given a workflow with the steps "a, b after a"
    And it has the variable "limit" with the value 3
    And "a" takes 40s
    When it is applied
    And "a" is running
    And somebody sets its variable "limit" to 5
    Then it is "failed"
    And its failure reason says "the definition is not the one that was planned"
    And the children ever seen are "recover-step-1"

  @BR-WF-025
  Scenario: The timeout and the priority of a planned workflow may change
    Given a workflow with the steps "a, b after a"
    And it has the variable "limit" with the value 3
    And "a" takes 40s
    When it is applied
    And "a" is running
    And somebody raises its timeout to 30m and its priority to "high"
    Then it is "completed"
