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
    And an event "DryRunCompleted" says "1 steps would succeed"

  @BR-WF-015
  Scenario: An executor without the right to act fails a required check
    Given a workflow with the steps "scale"
    And the executor has no right to "scale-deployment"
    When it is applied
    Then it is "failed"
    And its failure reason says "safety_validation_failed"
    And its failure reason says "rbac check failed"
    And no child was ever created

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

  @BR-WF-016
  Scenario: No step touches a protected namespace
    Given a workflow with the steps "scale"
    And "scale" works in the namespace "kube-system"
    And the only safety check is "network"
    When it is applied
    Then it is "failed"
    And its failure reason says "protected namespace 'kube-system'"
    And no child was ever created

  @BR-WF-019
  Scenario: A critical step that nobody could undo is pointed out
    Given a workflow with the steps "restart"
    And "restart" uses the action "restart-deployment"
    And "restart" is critical
    When it is applied
    Then it is "completed"
    And an event "ValidationWarning" says "critical step 'restart' has no rollback"
