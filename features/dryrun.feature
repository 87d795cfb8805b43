Feature: Dry run
  Before anything runs, every step is played through on what the cluster looks like now, in the order of the plan.

  @BR-WF-017 @BR-WF-031b
  Scenario: A later step sees what an earlier one will have done
    Given a workflow with the steps "more, even-more after more, image after even-more"
    And "even-more" scales the deployment of "more" to 8 replicas
    And "image" uses the action "update-image"
    And "image" works on the target of "more"
    When it is applied
    Then it is "completed"
    And its dry run simulated 3 steps
    And its dry run foresees
      | kind       | name | change | fact      | before                 | after                  |
      | Deployment | more | scale  | replicas  | 3                      | 5                      |
      | Deployment | more | scale  | replicas  | 5                      | 8                      |
      | Deployment | more | update | image:app | registry.example/app:1 | registry.example/app:2 |
    And its dry run warns of nothing

  @BR-WF-017
  Scenario: A step that would change nothing is pointed out
    Given a workflow with the steps "more, again after more"
    And "again" works on the target of "more"
    When it is applied
    Then it is "completed"
    And its dry run foresees
      | kind       | name | change | fact     | before | after |
      | Deployment | more | scale  | replicas | 3      | 5     |
    And its dry run warns "low" of "step 'again' changes nothing"

  @BR-WF-017 @BR-WF-006
  Scenario: What a step's when decides is foreseen as far as it can be
    Given a workflow with the steps "scale, more after scale, last after more, told after scale"
    And "more" runs when `steps.scale.target.replicas > 5`
    And "told" runs when `steps.scale.outputs.size == "large"`
    And it needs an approval
    When it is applied
    And it waits for approval
    Then its dry run foresees
      | kind       | name  | change | fact     | before | after |
      | Deployment | scale | scale  | replicas | 3      | 5     |
      | Deployment | told  | scale  | replicas | 3      | 5     |
    And its dry run warns "low" of "step 'more' would not run, its when is false as things are"
    And its dry run warns "low" of "whether step 'told' runs is not known before the run (outputs of step 'scale'"

  @BR-WF-017
  Scenario: Two steps at the same time that want different things are a predicted failure
    Given a workflow with the steps "up, down"
    And "down" scales the deployment of "up" to 1 replicas
    When it is applied
    Then it is "failed"
    And its failure reason says "dry_run_failed"
    And its failure reason says "conflicting operations: steps 'up' and 'down'"
    And its dry run says that "up" would succeed
    And its dry run says that "down" would fail
    And its dry run warns "high" of "conflicting operations"
    And no child was ever created

  @BR-WF-017
  Scenario: The same two steps one after the other are none
    Given a workflow with the steps "up, down"
    And "down" scales the deployment of "up" to 1 replicas
    And at most 1 steps run at a time
    When it is applied
    Then it is "completed"
    And its dry run warns of nothing

  @BR-WF-017
  Scenario: Two steps at the same time on different parts of one object are pointed out
    Given a workflow with the steps "up, restart"
    And "restart" uses the action "restart-deployment"
    And "restart" works on the target of "up"
    When it is applied
    Then it is "completed"
    And its dry run warns "medium" of "conflicting operations: steps 'up' and 'restart'"

  @BR-WF-017
  Scenario: A container that does not exist is a predicted failure
    Given a workflow with the steps "image"
    And "image" changes the container "sidecar"
    When it is applied
    Then it is "failed"
    And its failure reason says "dry_run_failed"
    And its failure reason says "has no container 'sidecar'; it has app"
    And no child was ever created

  @BR-WF-017
  Scenario Outline: What an action will do to its target
    Given a workflow with the steps "one"
    And "one" uses the action "<action>"
    When it is applied
    Then it is "completed"
    And its dry run foresees
      | kind   | name | change   | fact   | before   | after   |
      | <kind> | one  | <change> | <fact> | <before> | <after> |

    Examples:
      | action             | kind       | change | fact      | before                 | after                  |
      | scale-deployment   | Deployment | scale  | replicas  | 3                      | 5                      |
      | update-image       | Deployment | update | image:app | registry.example/app:1 | registry.example/app:2 |
      | restart-deployment | Deployment | update |           |                        |                        |
      | update-configmap   | ConfigMap  | update | data:mode | fast                   | careful                |

  @BR-WF-017 @BR-WF-018
  Scenario: Who is asked for approval can read what will change, and what nobody can foresee
    Given a workflow with the steps "drain, apply after drain, tune after apply, ask after tune"
    And "drain" drains a node
    And "apply" applies a manifest of the ConfigMap "elsewhere"
    And "tune" is the action "optimize-resources" about the Deployment "tune"
    And "ask" is the action "scale-statefulset" about the StatefulSet "queue"
    And the only safety check is "network"
    And it needs an approval
    When it is applied
    And it waits for approval
    Then its dry run foresees
      | kind       | name   | change | fact          | before | after |
      | Node       | node-1 | update | unschedulable | false  | true  |
      | Deployment | tune   | update |               |        |       |
    And its dry run warns "medium" of "side effect: the pods of node node-1 are evicted"
    And its dry run warns "medium" of "side effect: the manifest of step 'apply' changes ConfigMap"
    And its dry run warns "low" of "its effect is not simulated"
    And its dry run warns "low" of "StatefulSet queue is not of a kind that is looked at"
    And no child was ever created

  @BR-WF-017
  Scenario: What could not be looked at is no success
    Given a workflow with the steps "scale"
    And the controller may not look at the targets
    And no safety check is required
    When it is applied
    Then it is "failed"
    And its failure reason says "dry_run_failed"
    And its failure reason says "could not be observed: no right to read"
    And its dry run says that "scale" would fail
    And no child was ever created

  @BR-WF-017
  Scenario: Who wants no dry run gets none
    Given a workflow with the steps "scale"
    And it is to be run without a dry run
    When it is applied
    Then it is "completed"
    And it had no dry run

  @BR-WF-017
  Scenario: A Secret's content stays where it is
    Given a workflow with the steps "rotate"
    And "rotate" writes "aHVudGVyMg==" under "password" into the Secret "login"
    And no safety check is required
    When it is applied
    And it becomes "executing"
    Then its dry run warns "medium" of "Secrets are not looked at"
    And its dry run foresees
      | kind   | name  | change | fact | before | after    |
      | Secret | login | update | keys |        | password |
    And "aHVudGVyMg==" stands nowhere but in the definition

  @BR-WF-017
  Scenario: A setting that looks like a secret is not shown
    Given a workflow with the steps "one"
    And "one" writes "hunter2" under "db-password" into the ConfigMap "one"
    When it is applied
    Then it is "completed"
    And its dry run foresees
      | kind      | name | change | fact             | before | after          |
      | ConfigMap | one  | update | data:db-password |        | ***REDACTED*** |
    And "hunter2" stands nowhere but in the definition
