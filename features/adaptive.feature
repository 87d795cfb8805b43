Feature: Learning from earlier runs
  A plan may be made better by what earlier runs were like; whatever is changed stands in the status with its reason.

  @BR-ORCHESTRATION-020
  Scenario: A step whose earlier runs came close to its timeout is given more time
    Given a workflow with the steps "scale"
    And "scale" takes 5m30s
    And it learns from earlier runs
    And 12 earlier runs of "scale-deployment" took 4m30s
    When it is applied
    And "scale" is running
    And the controller is killed
    Then it is "completed"
    And the plan says of its steps
      | name  | timeout | retries | undo             |
      | scale | 6m45s   | 2       | scale-deployment |
    And it was adjusted in "timeout" of "scale": "5m → 6m45s" because "95 % of 12 runs of scale-deployment took up to 4m30s; confidence 0.88"
    And an event "AdaptiveAdjustment" says "timeout of step 'scale' 5m → 6m45s"
    And child "recover-step-1" is given exactly 6m45s
    And the children ever seen are "recover-step-1"

  @BR-ORCHESTRATION-020
  Scenario: A step that mostly needed another try is allowed more of them
    Given a workflow with the steps "scale, once after scale"
    And "scale" allows 1 retries
    And "once" allows 0 retries
    And it learns from earlier runs
    And after 2 retries each, 12 earlier runs of "scale-deployment" took 20s
    When it is applied
    Then it is "completed"
    And the plan says of its steps
      | name  | timeout | retries | undo             |
      | scale | 5m      | 3       | scale-deployment |
      | once  | 5m      | 0       | scale-deployment |
    And it was adjusted in "retry" of "scale": "1 → 3" because "12 of 12 runs of scale-deployment succeeded only after a retry"

  @BR-ORCHESTRATION-020
  Scenario Outline: Too little experience changes nothing
    Given a workflow with the steps "scale"
    And it learns from earlier runs
    And <good> earlier runs of "scale-deployment" took 4m30s
    And <bad> earlier runs of "scale-deployment" failed
    When it is applied
    Then it is "completed"
    And nothing was adjusted
    And the plan says of its steps
      | name  | timeout | retries | undo             |
      | scale | 5m      | 2       | scale-deployment |

    Examples:
      | good | bad |
      | 9    | 0   |
      | 9    | 1   |
      | 30   | 5   |

  @BR-ORCHESTRATION-020
  Scenario: Who does not ask to learn gets the plan that was written
    Given a workflow with the steps "scale"
    And 50 earlier runs of "scale-deployment" took 4m30s
    When it is applied
    Then it is "completed"
    And nothing was adjusted
    And the plan says of its steps
      | name  | timeout | retries | undo             |
      | scale | 5m      | 2       | scale-deployment |

  @BR-ORCHESTRATION-020
  Scenario: The estimate becomes what it usually takes
    Given a workflow with the steps "one, two after one"
    And it learns from earlier runs
    And 20 earlier runs of "scale-deployment" took 40s
    When it is applied
    Then it is "completed"
    And its plan estimates 2m20s
    And its estimate was adjusted: "1m40s → 2m20s" because "the median of earlier runs of scale-deployment"

  @BR-ORCHESTRATION-020
  Scenario: Runs of the very same definition are the better estimate
    Given a workflow with the steps "one, two after one"
    And it learns from earlier runs
    And 20 earlier runs of "scale-deployment" took 40s
    And 15 earlier runs of the same definition took 3m
    When it is applied
    Then it is "completed"
    And its plan estimates 3m
    And its estimate was adjusted: "1m40s → 3m" because "half of 15 runs of recover-shop took no longer"

  @BR-ORCHESTRATION-020
  Scenario: What ended is learnt from
    Given a workflow with the steps "scale"
    And "scale" takes 4m30s
    And it learns from earlier runs
    And 9 earlier runs of "scale-deployment" took 4m30s
    When it is applied
    Then it is "completed"
    And nothing was adjusted
    When somebody deletes it
    And the same workflow is applied once more
    Then it is "completed"
    And it was adjusted in "timeout" of "scale": "5m → 6m" because "95 % of 10 runs of scale-deployment took up to 4m3"
