Feature: Conditions
  A step may have to wait for something before it starts, and has to keep a promise before anything builds on it. Who
  wrote neither down has those of the registry, or a few that everybody would ask for.

  @BR-WF-016c
  Scenario: A step starts once its precondition holds
    Given a workflow with the steps "a, b after a"
    And "b" precondition is `steps.a.status == "completed" && input.current_replicas == 3`
    When it is applied
    Then it is "completed"
    And its outcome is "success"
    And the preconditions of "b" are "checked passed, deployment_exists passed"

  @BR-WF-016c
  Scenario Outline: A step whose precondition does not hold in time is blocked and has no child: <what>
    Given a workflow with the steps "a, b after a, c after b"
    And the variable zero is `0`
    And "b" precondition is `<expression>`
    And the rollback strategy is "none"
    When it is applied
    Then it is "failed"
    And its error type is "blocked"
    And "b" was blocked because "precondition checked does not hold: <why>"
    And "b" has no child
    And its steps are "a completed, b blocked, c skipped"
    And an event "StepBlocked" says "step 2 (b): precondition checked"
    And its failure reason says "precondition checked does not hold"

    Examples:
      | what              | expression                   | why              |
      | it stays false    | input.current_replicas == 7  | it is false      |
      | it has no value   | 1 / variables.zero == 1      | division by zero |

  @BR-WF-016c
  Scenario: A precondition that is not required warns, and the step goes on
    Given a workflow with the steps "a"
    And "a" precondition is `input.current_replicas == 7`
    And "a" may miss its precondition
    When it is applied
    Then it is "completed"
    And its outcome is "success"
    And the preconditions of "a" are "checked failed, deployment_exists passed"
    And an event "PreconditionWarning" says "checked: it is false"
    And from its execution to its monitoring at least 34s passed

  @BR-WF-016c
  Scenario: A precondition may come true while it is waited for
    Given a workflow with the steps "a, b after a"
    And "b" precondition is `input.deployment_available`
    And "a" takes 20s
    When it is applied
    And "a" is running
    And the deployment of "b" becomes unavailable
    And "b" waits for its precondition
    And the deployment of "b" becomes available
    Then it is "completed"
    And its outcome is "success"
    And the preconditions of "b" are "checked passed, deployment_exists passed"

  @BR-WF-016c @BR-WF-005b
  Scenario: The time of a pause does not count against what a step waits for
    Given a workflow with the steps "a, b after a"
    And "b" precondition is `input.deployment_available`
    And "b" gives its precondition 5m
    And "a" takes 20s
    When it is applied
    And "a" is running
    And the deployment of "b" becomes unavailable
    And "b" waits for its precondition
    And somebody suspends it
    And it is "paused"
    And 6m passes
    And somebody resumes it
    And it is "executing"
    And 30s passes
    And the deployment of "b" becomes available
    Then it is "completed"
    And its outcome is "success"

  @BR-WF-016c @BR-AUTOMATION-002
  Scenario: A blocked step that is tried again waits anew
    Given a workflow with the steps "a, b after a"
    And "b" precondition is `input.deployment_available`
    And "b" gives its precondition 3m
    And the rollback strategy is "none"
    And "a" takes 20s
    When it is applied
    And "a" is running
    And the deployment of "b" becomes unavailable
    And it is "failed"
    And "alice" has it tried again
    And the step "b" becomes "pending"
    And 30s passes
    And the deployment of "b" becomes available
    Then it ends "completed" after all
    And its steps are "a completed, b completed"
    And the preconditions of "b" are "checked passed, deployment_exists passed"

  @BR-WF-052c
  Scenario: What a step promised is waited for before anything builds on it
    Given a workflow with the steps "a, b after a"
    And "a" postcondition is `input.deployment_available`
    And "a" takes 20s
    When it is applied
    And "a" is running
    And the deployment of "a" becomes unavailable
    And "a" waits for its postcondition
    Then it shows 1 active and 0 queued steps
    When the deployment of "a" becomes available
    Then it is "completed"
    And its outcome is "success"
    And every step started after all its dependencies had ended

  @BR-WF-052c @BR-WF-050
  Scenario: A promise that is not kept in time fails its step and undoes it too
    Given a workflow with the steps "a, b after a, c after b"
    And "b" postcondition is `input.current_replicas == 7`
    When it is applied
    Then it is "failed"
    And its error type is "validation_error"
    And its failure reason says "postcondition checked does not hold: it is false"
    And its steps are "a rolled_back, b rolled_back, c skipped"
    And the steps were undone in the order "b, a"
    And the deployments of "a, b" have 3 replicas again
    And an event "StepFailed" says "postcondition checked does not hold"

  @BR-WF-052c
  Scenario: A promise that is not required makes the success a partial one
    Given a workflow with the steps "a, b after a"
    And "a" postcondition is `input.current_replicas == 7`
    And "a" may miss its postcondition
    When it is applied
    Then it is "completed"
    And its outcome is "partial_success"
    And its steps are "a completed, b completed"
    And an event "PostconditionWarning" says "checked: it is false"

  @BR-WF-053b
  Scenario: A child that says success and has changed nothing is not believed
    Given a workflow with the steps "a, b after a"
    And the rollback strategy is "none"
    And "a" never answers
    When it is applied
    And "a" is running
    And somebody reports that the child of "a" completed
    Then it is "failed"
    And its steps are "a failed, b skipped"
    And its failure reason says "postcondition desired_replicas_running does not hold"

  @BR-WF-053b @BR-WF-053c
  Scenario: An empty entry of the registry switches the conditions off that everybody has
    Given a workflow with the steps "a, b after a"
    And version "v1" of the registry says of "scale-deployment": `{}`
    And "a" never answers
    When it is applied
    And "a" is running
    And somebody reports that the child of "a" completed
    Then "b" started within 30s of that
    And it is "completed"
    And the registry was told "PolicyReloaded" with "version 'v1'"

  @BR-WF-053c
  Scenario: A workflow may say that a condition is not required
    Given a workflow with the steps "a, b after a"
    And its postcondition "desired_replicas_running" of "scale_deployment" is not required
    And "a" never answers
    When it is applied
    And "a" is running
    And somebody reports that the child of "a" completed
    Then it is "completed"
    And its outcome is "partial_success"
    And an event "PostconditionWarning" says "desired_replicas_running: it is false"

  @BR-WF-053c
  Scenario: An override of a condition that nobody laid down is pointed out
    Given a workflow with the steps "a"
    And version "v1" of the registry says of "scale-deployment": `pre: [{type: calm, expr: "true"}]`
    And its precondition "calm" of "scale-deployment" is not required
    And its precondition "clam" of "scale-deployment" is not required
    When it is applied
    Then it is "completed"
    And a warning of its validation says "an override changes nothing: 'clam' is none of the preconditions of scale-deployment; did you mean calm?"
    And an event "ValidationWarning" says "an override changes nothing: 'clam'"
    And no event says "'calm' is none"

  @BR-WF-053b @BR-WF-053c
  Scenario: A new version of the registry counts at once, and not for a step that began with another
    Given a workflow with the steps "a, b after a"
    And the rollback strategy is "none"
    And version "v1" of the registry says of "scale-deployment": `post: [{type: scaled, expr: input.current_replicas == 5}]`
    And "a" takes 20s
    When it is applied
    And "a" is running
    And version "v2" of the registry comes and says of "scale-deployment": `{version: v2b, pre: [{type: never, expr: "false"}]}`
    Then it is "failed"
    And its steps are "a completed, b blocked"
    And the postconditions of "a" are "scaled passed"
    And "a" was judged by version "v1"
    And "b" was judged by version "v2b"
    And "b" was blocked because "precondition never does not hold"

  @BR-WF-053b
  Scenario Outline: An entry of the registry that cannot be used is left out and named: <what>
    Given a workflow with the steps "a"
    And version "v7" of the registry says of "<action>": `<text>`
    When it is applied
    Then it is "completed"
    And the registry was told "PolicyInvalid" with "<told>"

    Examples:
      | what                   | action           | text                                      | told                                     |
      | no such action         | scale-deploymant | {}                                        | scale-deploymant: no such action; did you mean scale-deployment |
      | an expression          | scale-deployment | pre: [{type: x, expr: "input.a =="}]      | scale-deployment: pre[0].expr: line 1    |
      | a field                | scale-deployment | before: []                                | unknown field                            |
      | no YAML                | scale-deployment | pre: [                                    | not YAML                                 |
