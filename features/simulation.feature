Feature: Simulation
  What is tried out in the simulated world holds in a cluster: it is the same controller that decides in both.

  @BR-WF-030b
  Scenario Outline: A workflow goes as its rehearsal went: "<name>" <what>
    Given a workflow with the steps "a, b after a, c after a, d after b+c"
    And "a" is critical
    And "d" is critical
    And "<name>" <what>
    When it is rehearsed in the simulation
    And it is applied
    Then it is "<phase>"
    And it ended as it was rehearsed
    And its phases were those of the rehearsal

    Examples:
      | name | what                                  | phase     |
      | b    | takes 20s                             | completed |
      | c    | fails once with "network"             | completed |
      | b    | always fails with "permission_denied" | completed |
      | d    | always fails with "permission_denied" | failed    |

  @BR-WF-030b
  Scenario: A rehearsal foretells that a rollback will not bring everything back
    Given a workflow with the steps "a, b after a"
    And "b" is critical
    And "b" always fails with "permission_denied"
    And undoing "a" always fails with "permission_denied"
    When it is rehearsed in the simulation
    Then the rehearsal leaves the deployment of "a" damaged
    When it is applied
    Then it is "failed"
    And it ended as it was rehearsed
    And the deployment of "a" has 5 replicas

  @BR-WF-032
  Scenario Outline: A remediation made up from a seed is taken and comes to its end: seed <seed>
    Given the remediation made up from the seed <seed>
    When it is applied
    Then it was planned and it ends
    And its progress never fell
    And no step began before those it waits for had ended
    And it never had more active steps than its limit

    Examples:
      | seed |
      | 1    |
      | 4    |
      | 9    |

  @BR-WF-032
  Scenario: The faults that were made up with a remediation do not change its end
    Given the remediation made up from the seed 3, in which every step ends as its rule says
    And the controller dies where the faults of that seed say
    When it is rehearsed in the simulation
    And it is applied
    Then it was planned and it ends
    And it ended as it was rehearsed

  @BR-WF-032
  Scenario Outline: What a hunt finds it makes small, and the small remediation shows it on a cluster: a <aim>
    Given the smallest remediation in which a hunt sees a <aim>
    And it was found in a larger one
    When it is applied
    Then it was planned and it ends
    And the <aim> is seen here as well

    Examples:
      | aim      |
      | failure  |
      | rollback |

  @BR-WF-033
  Scenario Outline: Nobody waits longer than was promised: <what>
    Given <what>
    And each of its steps uses the action "<action>"
    And it is approved beforehand by "alice"
    When it is applied at an instant that is noted
    Then it is "completed"
    And it was picked up within 5s and planned within <planned>
    And whatever became ready was ready within 5s
    And its steps were through within <through>

    Examples:
      | what                                | action           | planned | through |
      | a chain of 10 steps                 | update-configmap | 500ms   | 5m      |
      | a workflow of 100 independent steps | notify-only      | 1s      | 30m     |

  @BR-WF-033
  Scenario: Many workflows at a time get on side by side
    Given a workflow with the steps "a, b after a"
    And the workflow has a timeout of 30m
    And "a" takes 4m
    And "a" has a timeout of 15m
    When 8 copies of it are applied
    Then all of them are "completed"
    And all of them were executing at one moment

  @BR-WF-034
  Scenario Outline: The policy that does better on the same luck does better in the next trouble: <policy>
    Given a workflow with the steps "a, b after a"
    And "a" is critical
    And "b" is critical
    And the policy "hasty" with 0 retries
    And the policy "patient" with 2 retries
    When the policies are compared in 60 runs in which an attempt fails with a probability of 0.3
    Then "patient" recovers more often than "hasty", and no chance explains it
    And no run went better under "hasty" than under "patient"
    And a policy compared with itself differs in nothing
    When every step fails once with "evicted" and the policy "<policy>" is applied
    Then it is "<phase>"

    Examples:
      | policy  | phase     |
      | hasty   | failed    |
      | patient | completed |
