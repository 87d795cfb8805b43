Feature: Validation
  Nothing is changed in the cluster before everything that can be known says that it will go well.

  @BR-WF-017
  Scenario: A dry run finds a target that does not exist
    Given a workflow with the steps "scale, verify after scale"
    And the deployment of "verify" does not exist
    And the only safety check is "network"
    When it is applied
    Then it is "failed"
    And its failure reason says "dry_run_failed"
    And its failure reason says "does not exist"
    And its dry run says that "scale" would succeed
    And its dry run says that "verify" would fail
    And an event "DryRunFailed" says "does not exist"
    And no child was ever created

  @BR-WF-017
  Scenario: A dry run that succeeds tells what will change
    Given a workflow with the steps "scale"
    When it is applied
    Then it is "completed"
    And its dry run says that "scale" would succeed
    And its dry run shows the replicas of "scale" going from 3 to 5
    And an event "DryRunCompleted" says "1 step would succeed"

  @BR-WF-015
  Scenario: An executor without the right to act fails a required check
    Given a workflow with the steps "scale"
    And the executor has no right to "scale-deployment"
    When it is applied
    Then it is "failed"
    And its failure reason says "safety_validation_failed"
    And its failure reason says "rbac check failed"
    And its failure reason says "system:serviceaccount:kubernaut-system:scale-deployment-sa may not patch deployments.apps scale in namespace"
    And its failure reason says "kubectl create clusterrole scale-deployment-patch-deployments --verb=patch --resource=deployments.apps"
    And no child was ever created

  @BR-WF-015
  Scenario: An executor without the right to undo fails the check as well
    Given a workflow with the steps "roll"
    And "roll" uses the action "update-image"
    And the executor has no right to "patch-deployment"
    When it is applied
    Then it is "failed"
    And its failure reason says "patch-deployment-sa may not patch deployments.apps roll"
    And no child was ever created

  @BR-WF-015
  Scenario: Rights to undo are not asked for where nothing would be undone
    Given a workflow with the steps "roll"
    And "roll" uses the action "update-image"
    And the rollback strategy is "none"
    And the executor has no right to "patch-deployment"
    When it is applied
    Then it is "completed"
    And its check "rbac" passed

  @BR-WF-015
  Scenario Outline: What a manifest holds needs rights as well: <what>
    Given a workflow with the steps "apply"
    And "apply" applies a manifest of the <kind> "elsewhere"
    And the only safety check is "rbac"
    And the dry run is left out
    And the executor has no right to "<barred>"
    When it is applied
    Then it is "<end>"
    And its check "rbac" <says>

    Examples:
      | what      | kind      | barred         | end       | says                                                                                                                           |
      | missing   | ConfigMap | apply-manifest | failed    | did not pass and says "system:serviceaccount:kubernaut-system:apply-manifest-sa may not get configmaps elsewhere in namespace" |
      | there     | ConfigMap | delete-pod     | completed | passed and says "the executor's identities may do what the steps and their undos need"                                         |
      | not known | Gadget    | delete-pod     | failed    | passed and says "not known is what step 'apply' (apply-manifest) needs: see to it that apply-manifest-sa may"                  |

  @BR-WF-015
  Scenario: Rights that nobody knows of are not said to be granted
    Given a workflow with the steps "grow"
    And "grow" is the action "expand-pvc" about the PersistentVolumeClaim "data"
    When it is applied
    Then it is "completed"
    And its check "rbac" passed and says "not known is what step 'grow' (expand-pvc) needs: see to it that expand-pvc-sa may"

  @BR-WF-015
  Scenario: Rights that nobody knows of are not said to be granted to an undo either
    Given a workflow with the steps "scale"
    And "scale" is undone with a manifest of the Gadget "elsewhere"
    When it is applied
    Then it is "completed"
    And its check "rbac" passed and says "not known is what the undo of step 'scale' (apply-manifest) needs: see to it that apply-manifest-sa may"

  @BR-WF-015
  Scenario: A check that is not required warns and lets the workflow go on
    Given a workflow with the steps "scale"
    And the only safety check is "rbac", and it is not required
    And the executor has no right to "scale-deployment"
    When it is applied
    Then it is "completed"
    And an event "ValidationWarning" says "rbac check"

  @BR-WF-015 @BR-WF-016
  Scenario: A target that does not exist fails the required health check
    Given a workflow with the steps "scale"
    And the deployment of "scale" does not exist
    When it is applied
    Then it is "failed"
    And its failure reason says "health check failed"
    And no child was ever created

  @BR-WF-015
  Scenario: What nobody may look at does not pass a required check, and the status says what to do
    Given a workflow with the steps "rotate"
    And "rotate" writes "aHVudGVyMg==" under "password" into the Secret "login"
    And the only safety check is "health"
    When it is applied
    Then it is "failed"
    And its check "health" did not pass and says "unknown: no right to read Secret"
    And its check "health" did not pass and says "allow it, or make the check not required"
    And no child was ever created

  @BR-WF-015 @BR-WF-016
  Scenario: A step that takes ready replicas from a failing target is refused
    Given a workflow with the steps "shrink"
    And "shrink" scales its deployment to 1
    And 2 of the 3 replicas of "shrink" are ready
    When it is applied
    Then it is "failed"
    And its failure reason says "scaling it to 1 takes away some of its 2 ready replicas"
    And no child was ever created

  @BR-WF-015 @BR-WF-016
  Scenario: A step that may mend a failing target is not held up
    Given a workflow with the steps "grow"
    And 2 of the 3 replicas of "grow" are ready
    When it is applied
    Then it becomes "executing"
    And its check "health" passed

  @BR-WF-015 @BR-WF-016
  Scenario: What the steps add must fit into what is free
    Given a workflow with the steps "grow"
    And the pods of "grow" ask for 10 cpu each
    When it is applied
    Then it is "failed"
    And its failure reason says "capacity check failed: the steps add 20000m cpu of"
    And no child was ever created

  @BR-WF-015 @BR-WF-016
  Scenario: What has room in all nodes together must have it on one of them
    Given a workflow with the steps "grow"
    And the pods of "grow" ask for 4500m cpu each
    When it is applied
    Then it is "failed"
    And its failure reason says "capacity check failed: no node has room for one pod that asks for 4500m cpu"
    And no child was ever created

  @BR-WF-015 @BR-WF-016
  Scenario Outline: Cordons and drains leave a place for what runs: <what>
    Given a workflow with the steps "<steps>"
    And "a" <a> the node "node-1"
    And "b" <b> the node "node-2"
    And "c" <c> the node "node-3"
    When it is applied
    Then it is "failed"
    And its failure reason says "would leave none of 3 schedulable nodes"
    And no child was ever created

    Examples:
      | what       | steps   | a       | b       | c       |
      | by cordons | a, b, c | cordons | cordons | cordons |
      | by drains  | a, b, c | drains  | cordons | drains  |

  @BR-WF-015
  Scenario Outline: Each check says of its own whether it is required: <kind>
    Given a workflow with the steps "scale"
    And the only safety check is "<kind>"
    When it is applied
    Then it is "completed"
    And its check "<kind>" passed

    Examples:
      | kind     |
      | rbac     |
      | health   |
      | capacity |
      | network  |

  @BR-WF-016
  Scenario: No step touches a protected namespace
    Given a workflow with the steps "scale"
    And "scale" works in the namespace "kube-system"
    And the only safety check is "network"
    When it is applied
    Then it is "failed"
    And its failure reason says "protected namespace 'kube-system'"
    And no child was ever created

  @BR-WF-016
  Scenario: Not even the undo of a step touches a protected namespace
    Given a workflow with the steps "scale"
    And "scale" is undone in the namespace "kube-system"
    And the only safety check is "network"
    When it is applied
    Then it is "failed"
    And its failure reason says "the rollbackSpec of step 'scale' works in protected namespace 'kube-system'"
    And no child was ever created

  @BR-WF-016
  Scenario Outline: What a manifest holds is kept from protected namespaces as well, also without a dry run: <what>
    Given a workflow with the steps "apply"
    And "apply" <carries> a manifest for the namespace "kube-system"
    And the dry run is left out
    And the only safety check is "network"
    When it is applied
    Then it is "failed"
    And its failure reason says "<words>"
    And no child was ever created

    Examples:
      | what     | carries        | words                                                                                  |
      | the step | applies        | the manifest of step 'apply' changes ConfigMap kube-system/coredns                     |
      | its undo | is undone with | the manifest of the rollbackSpec of step 'apply' changes ConfigMap kube-system/coredns |

  @BR-WF-019
  Scenario: A critical step that nobody could undo is pointed out
    Given a workflow with the steps "restart"
    And "restart" uses the action "restart-deployment"
    And "restart" is critical
    When it is applied
    Then it is "completed"
    And an event "ValidationWarning" says "critical step 'restart' has no rollback"

  @BR-WF-019
  Scenario Outline: Nothing is pointed out where the undo is known or nothing would be undone: <what>
    Given a workflow with the steps "one"
    And "one" uses the action "<action>"
    And "one" is critical
    And the rollback strategy is "<strategy>"
    When it is applied
    Then it is "completed"
    And no event says "has no rollback"

    Examples:
      | what                  | action             | strategy  |
      | the registry's undo   | scale-deployment   | automatic |
      | no automatic rollback | restart-deployment | manual    |

  @BR-WF-019
  Scenario: A critical step that only looks leaves nothing to undo
    Given a workflow with the steps "look"
    And "look" is the action "verify-health" about the Deployment "look"
    And "look" is critical
    When it is applied
    Then it is "completed"
    And no event says "has no rollback"

  @BR-WF-016
  Scenario Outline: Production keeps sizes within bounds: <what>
    Given a workflow with the steps "<name>"
    And its namespace is production
    And "<name>" scales its deployment to <count>
    When it is applied
    Then it is "<phase>"
    And its validation says "<rule>"

    Examples:
      | what                   | name       | count | phase     | rule                    |
      | twenty are enough      | web        | 21    | failed    | production-replicas-max |
      | one must stay          | web        | 0     | failed    | production-replicas-min |
      | three of what is vital | api-server | 2     | failed    | critical-replicas-min   |
      | within the bounds      | web        | 5     | completed |                         |
      | three are enough       | api-server | 3     | completed |                         |

  @BR-WF-016
  Scenario Outline: In production a change needs its mark: <action> with <mark>
    Given a workflow with the steps "change"
    And its namespace is production
    And "change" uses the action "<action>"
    And it is marked "<mark>"
    When it is applied
    Then it is "<phase>"
    And its validation says "<rule>"

    Examples:
      | action             | mark                   | phase     | rule                   |
      | update-image       |                        | failed    | image-update-approved  |
      | update-image       | config-update-approved | failed    | image-update-approved  |
      | update-image       | image-update-approved  | completed |                        |
      | update-configmap   |                        | failed    | config-update-approved |
      | update-configmap   | config-update-approved | completed |                        |
      | restart-deployment |                        | completed |                        |

  @BR-WF-016 @BR-WF-018
  Scenario Outline: Where no admission policy guards the marks, the right of whom they name is asked for: <what>
    Given no admission policy guards the annotations
    And a workflow with the steps "change"
    And its namespace is production
    And "change" uses the action "update-image"
    And it is marked "image-update-approved" by "<who>"
    When it is applied
    Then it is "<phase>"
    And its validation says "<rule>"
    And its message says "<told>"
    And its condition "ApprovalGuarded" is "False" and says "the right of the named user is asked for instead"

    Examples:
      | what          | who     | phase     | rule                  | told                            |
      | she may       | alice   | completed |                       | completed                       |
      | she may not   | mallory | failed    | image-update-approved | mallory has no right to approve |
      | nobody signed |         | failed    | image-update-approved | intervened-by is missing        |

  @BR-WF-016
  Scenario: A risky change in production is rehearsed first
    Given a workflow with the steps "change"
    And its namespace is production
    And "change" uses the action "update-image"
    And it is marked "image-update-approved"
    And the dry run is left out
    When it is applied
    Then it is "failed"
    And its validation says "production-dry-run"
    And no child was ever created

  @BR-WF-016
  Scenario Outline: What ends running work in production waits for the right hour: <what>
    Given a workflow with the steps "pod"
    And its namespace is production
    And "pod" uses the action "delete-pod"
    And the pod of "pod" runs on the node "node-1"
    And business hours are "<hours>"
    And it is marked "<mark>"
    And it is approved beforehand by "alice"
    When it is applied
    Then it is "<phase>"
    And its validation says "<rule>"

    Examples:
      | what           | hours       | mark               | phase     | rule           |
      | within hours   | 00:00-24:00 |                    | failed    | business-hours |
      | an emergency   | 00:00-24:00 | emergency-override | completed |                |
      | outside        |             |                    | completed |                |

  @BR-WF-016 @BR-WF-018
  Scenario: What ends running work in production needs a person's word
    Given a workflow with the steps "pod"
    And its namespace is production
    And "pod" uses the action "delete-pod"
    And the pod of "pod" runs on the node "node-1"
    And business hours are ""
    When it is applied
    And it waits for approval
    Then no child was ever created
    And an event "ApprovalRequired" says "production-approval: step 'pod' (delete-pod) in production namespace"
    When "alice" approves it
    Then it is "completed"

  @BR-WF-016
  Scenario: Namespaces are production by their name as well
    Given a workflow with the steps "web"
    And namespaces like "*" are production
    And "web" scales its deployment to 21
    When it is applied
    Then it is "failed"
    And its validation says "production-replicas-max"

  @BR-WF-016
  Scenario: Outside production nothing of that holds
    Given a workflow with the steps "pod, web"
    And "pod" uses the action "delete-pod"
    And the pod of "pod" runs on the node "node-1"
    And business hours are "00:00-24:00"
    And "web" scales its deployment to 0
    When it is applied
    Then it becomes "executing"
