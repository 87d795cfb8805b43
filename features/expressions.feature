Feature: Expressions
  A step runs only when it should: its `when` is an expression over variables, earlier steps, its target and the clock.
  What is wrong with an expression is said before anything runs; what goes wrong while it runs fails one step, in words.

  @BR-WF-006 @BR-WF-008 @BR-WF-009
  Scenario Outline: A step runs, or is skipped with the reason: <what>
    Given a workflow with the steps "look, act after look"
    And "look" hands on pods `web-1,web-2,db-1`
    And "look" hands on free `750m`
    And the variable limit is `3`
    And the variable name is `"Shop-EU"`
    And "act" runs when `<when>`
    When it is applied
    Then it is "completed"
    And its outcome is "success"
    And its steps are "look completed, act <state>"

    Examples:
      | what                    | when                                                                           | state     |
      | a number                | variables.limit * 2 + 1 == 7                                                   | completed |
      | a number that is not    | variables.limit % 2 == 0                                                       | skipped   |
      | logic                   | variables.limit > 2 && !(variables.limit > 3)                                  | completed |
      | an error that is saved  | variables.limit / 0 > 1 \|\| true                                              | completed |
      | an earlier step         | steps.look.status == "completed" && steps.look.result.success                  | completed |
      | an earlier result       | steps.look.result.scaleResult.newReplicas == 4                                 | skipped   |
      | what is not there       | steps.look.outputs.?node.orValue("none") == "none"                             | completed |
      | a list                  | steps.look.outputs.pods.split(",").exists(p, p.startsWith("db-"))              | completed |
      | the size of a list      | steps.look.outputs.pods.split(",").filter(p, p.contains("web")).size() > 2     | skipped   |
      | text                    | variables.name.lowerAscii().substring(0, 4) == "shop"                          | completed |
      | a pattern               | variables.name.matches("^[a-z]+-EU$")                                          | skipped   |
      | what a pattern finds    | steps.look.outputs.pods.findAll("[0-9]+").map(n, int(n)).sum() == 4            | completed |
      | a quantity              | quantity(steps.look.outputs.free).isLessThan(quantity("1"))                    | completed |
      | a quantity as a number  | quantity("1Gi").asInteger() == 1000000000                                      | skipped   |

  @BR-WF-006
  Scenario: What is skipped says why, and so does what waited for it
    Given a workflow with the steps "look, act after look, check after act"
    And the variable careful is `true`
    And "act" runs when `!variables.careful`
    When it is applied
    Then it is "completed"
    And its steps are "look completed, act skipped, check skipped"
    And "act" was skipped because "when is false: !variables.careful"
    And "check" was skipped because "dependency 'act' is skipped"
    And "act" has no child
    And an event "StepSkipped" says "when is false: !variables.careful"

  @BR-WF-008 @BR-WF-009
  Scenario Outline: An expression without a value fails its step, and only that: <what>
    Given a workflow with the steps "look, act after look, other after look"
    And the variable text is `"seven"`
    And the variable zero is `0`
    And the variable pattern is `"(["`
    And "act" runs when `<when>`
    When it is applied
    Then it is "completed"
    And its outcome is "partial_success"
    And "act" failed with "validation_error" because "<message>"
    And "act" has no child
    And its steps are "look completed, act failed, other completed"
    And an event "StepFailed" says "<message>"

    Examples:
      | what                 | when                                                          | message                       |
      | division by zero     | 10 / variables.zero > 1                                       | division by zero              |
      | text that is no int  | int(variables.text) > 1                                       | cannot convert 'seven' to int |
      | an output not given  | steps.look.outputs.node == "n1"                               | no such key: 'node'           |
      | mixed types          | variables.text + variables.zero == ""                         | + cannot be applied to string and int |
      | a broken pattern     | variables.text.matches(variables.pattern)                     | invalid regular expression    |
      | no truth             | variables.text                                                | must be true or false         |
      | more than it may     | [0,1,2,3,4,5,6,7,8,9].all(a, [0,1,2,3,4,5,6,7,8,9].all(b, [0,1,2,3,4,5,6,7,8,9].all(c, [0,1,2,3,4,5,6,7,8,9].all(d, [0,1,2,3,4,5,6,7,8,9].all(e, true))))) | too expensive |

  @BR-WF-006 @BR-WF-008
  Scenario: A critical step whose expression has no value ends the workflow
    Given a workflow with the steps "look, act after look"
    And "act" is critical
    And the rollback strategy is "none"
    And "act" runs when `1 / (steps.look.number - 1) > 0`
    When it is applied
    Then it is "failed"
    And its failure reason says "division by zero"
    And its error type is "validation_error"
    And "act" has no child

  @BR-WF-010b
  Scenario Outline: An expression reads the clock and the state of its target: <what>
    Given a workflow with the steps "look, act after look"
    And "act" runs when `<when>`
    When it is applied
    Then it is "completed"
    And its steps are "look completed, act <state>"

    Examples:
      | what                   | when                                                                            | state     |
      | the year               | now.getFullYear() >= 2024 && now > timestamp("2024-01-01T00:00:00Z")            | completed |
      | business hours         | now.getHours("Europe/Berlin") >= 0 && now.getDayOfWeek("+02:00") <= 6           | completed |
      | a time that has gone   | now + duration("1h30m") < now                                                   | skipped   |
      | replicas               | target.replicas == 3 && target.kind == "Deployment"                             | completed |
      | too many replicas      | target.replicas * 2 > 10                                                        | skipped   |
      | the image              | target.images.app.endsWith(":1") && target.exists && !target.terminating        | completed |
      | facts as policies know | input.deployment_found && input.target_replicas - input.current_replicas == 2   | completed |
      | what a step did        | steps.look.target.replicas == 5                                                 | completed |

  @BR-WF-018b @BR-WF-020b
  Scenario Outline: A way out has its own condition: the primary <what>
    Given a workflow with the steps "scale, restart after scale"
    And "scale" <luck>
    And "restart" runs only if its primary fails
    And "restart" runs when `steps.scale.errorType == "<error>"`
    When it is applied
    Then it is "<end>"
    And its steps are "<states>"

    Examples:
      | what               | luck                                     | error             | end       | states                          |
      | fails as foreseen  | always fails with "permission_denied"    | permission_denied | completed | scale failed, restart completed |
      | fails in other way | always fails with "permission_denied"    | timeout           | failed    | scale failed, restart skipped   |
      | does not fail      | takes 2s                                 | timeout           | completed | scale completed, restart skipped |

  @BR-WF-006 @BR-WF-007
  Scenario Outline: What is wrong with an expression is said before anything runs: <what>
    Given a workflow with the steps "look, act after look, other"
    And the variable limit is `3`
    And "act" runs when `<when>`
    When it is applied
    Then it is "failed"
    And its failure reason says "steps[1].when"
    And its failure reason says "<message>"
    And no child was ever created

    Examples:
      | what                 | when                                    | message                                             |
      | no expression        | variables.limit >                       | line 1, column 18: Syntax error                     |
      | an unknown name      | limit > 3                               | column 1: undeclared reference to 'limit'           |
      | an unknown function  | size(variables) > 0 && sqrt(4.0) > 1.0  | undeclared reference to 'sqrt'                      |
      | mixed types          | "a" + 1 == "a1"                         | found no matching overload for '_+_'                |
      | no truth             | variables.limit * 2                     | must be true or false, it is of type int            |
      | a broken pattern     | "a".matches("(")                        | column 13: invalid regular expression               |
      | a broken quantity    | quantity("1 Gb").sign() > 0             | '1 Gb' is not a quantity                            |
      | an unknown variable  | variables.limits > 3                    | there is no variable 'limits'; spec.variables has limit |
      | an unknown step      | steps.loook.status == "completed"       | there is no step 'loook'                            |
      | a step beside it     | steps.other.status == "completed"       | step 'other' has not ended by then; add it to dependsOn |
      | itself               | steps.act.status == "pending"           | step 'act' has not ended by then                    |
      | an unknown fact      | steps.look.phase == "completed"         | a step has no 'phase'                               |

  @BR-WF-021b
  Scenario: A success criterion that holds lets the workflow succeed
    Given a workflow with the steps "a, b after a"
    And it succeeds only if `steps.a.target.replicas == 5 && steps.b.status == "completed"`
    And it succeeds if `steps.a.retries == 0`
    When it is applied
    Then it is "completed"
    And its outcome is "success"

  @BR-WF-021b
  Scenario: A required success criterion that does not hold leaves the outcome unknown, and is named
    Given a workflow with the steps "a"
    And it succeeds only if `target.healthy`
    And it succeeds only if `target.replicas >= 10`
    When it is applied
    Then it is "completed"
    And its outcome is "unknown"
    And its result says `success_criteria_unmet: criterion-2 (false)`

  @BR-WF-021b
  Scenario: A success criterion that is not required is only told
    Given a workflow with the steps "a"
    And it succeeds if `target.replicas >= 10`
    When it is applied
    Then it is "completed"
    And its outcome is "success"
    And an event "SuccessCriterionUnmet" says "criterion-1 (false)"

  @BR-WF-021b
  Scenario: A success criterion that is none is refused
    Given a workflow with the steps "a, b"
    And it succeeds only if `target.replicas > 1`
    When it is applied
    Then it is "failed"
    And its failure reason says "spec.successCriteria[0].expr"
    And its failure reason says "the steps have different objects; write steps.<name>.target"
    And no child was ever created

  @BR-WF-006 @BR-WF-025
  Scenario: A controller that dies at any moment judges a step no differently
    Given a workflow with the steps "look, act after look"
    And "act" runs when `target.replicas == 4 || steps.look.status != "completed"`
    When it is run once for each write of the controller, and the controller is killed after that write
    Then each time it was "completed" with the outcome "success"
    And each time the steps were "look completed, act skipped"

  @BR-WF-007
  Scenario Outline: A number that stands as a reference is a number: <what>
    Given a workflow with the steps "shop"
    And the variable replicas is `<value>`
    And "shop" scales to `<text>`
    When it is applied
    Then it is "completed"
    And the deployment of "shop" has <count> replicas
    And child "recover-step-1" is told "scaleDeployment: replicas=<count>"
    And its dry run shows the replicas of "shop" going from 3 to <count>

    Examples:
      | what          | value | text                                             | count |
      | a number      | 7     | {{ variables.replicas }}                         | 7     |
      | a sum         | 4     | {{ variables.replicas * 2 }}                     | 8     |
      | text          | "6"   | {{ variables.replicas }}                         | 6     |
      | a choice      | true  | {{ variables.replicas ? 9 : 1 }}                 | 9     |

  @BR-WF-007
  Scenario Outline: What an earlier step hands on stands in the child: <what>
    Given a workflow with the steps "look, act after look"
    And "look" hands on zone `eu-1`
    And "look" hands on load `80`
    And the variable limit is `75`
    And the variable ratio is `1.5`
    And "act" writes `<text>` as its mode
    When it is applied
    Then it is "completed"
    And the child of "act" is told the mode `<told>`

    Examples:
      | what              | text                                                                        | told             |
      | an output         | {{ steps.look.outputs.zone }}                                               | eu-1             |
      | beside other text | zone={{ steps.look.outputs.zone }},limit={{ variables.limit }}              | zone=eu-1,limit=75 |
      | arithmetic        | {{ int(steps.look.outputs.load) - variables.limit }}                        | 5                |
      | truth             | {{ int(steps.look.outputs.load) > variables.limit }}                        | true             |
      | a fraction        | {{ variables.ratio * 2.0 }}                                                 | 3                |
      | a choice          | {{ steps.look.outputs.?rack.orValue("none").upperAscii() }}                 | NONE             |
      | the target        | {{ target.data.mode + "-" + string(steps.look.target.replicas) }}           | fast-5           |
      | braces            | {{ "{{" }} .Values {{ "}}" }} { x }                                         | {{ .Values }} { x } |

  @BR-WF-007
  Scenario: An image is put together from what an earlier step found
    Given a workflow with the steps "look, shop after look"
    And "look" hands on tag `v7`
    And "shop" takes the image `registry.example/app:{{ steps.look.outputs.tag }}`
    When it is applied
    Then it is "completed"
    And "shop" runs the image "registry.example/app:v7"

  @BR-WF-007
  Scenario: Every try resolves its references anew
    Given a workflow with the steps "look, act after look"
    And "act" allows 1 retries
    And "act" fails once with "network"
    And "act" writes `try {{ steps.look.retries + 1 }} of {{ target.data.mode }}` as its mode
    When it is applied
    Then it is "completed"
    And the tries of "act" were told the modes "try 1 of fast, try 1 of fast"

  @BR-WF-007
  Scenario Outline: A reference that has no value fails its step, with the field: <what>
    Given a workflow with the steps "look, act after look, other after act"
    And "act" writes `<text>` as its mode
    When it is applied
    Then it is "completed"
    And its outcome is "partial_success"
    And "act" failed with "validation_error" because "parameters: updateConfigMap.dataUpdates.mode: <message>"
    And "act" has no child
    And its steps are "look completed, act failed, other skipped"

    Examples:
      | what             | text                                       | message                    |
      | no such output   | {{ steps.look.outputs.zone }}              | no such key: 'zone'        |
      | division by zero | {{ 1 / steps.look.retries }}               | division by zero           |
      | a list           | {{ steps.look.outputs.map(k, k) }}         | the value is a list        |

  @BR-WF-007
  Scenario Outline: A reference that can never be resolved is refused with its name: <what>
    Given a workflow with the steps "look, act after look, beside"
    And the variable limit is `75`
    And the variable name is `"shop"`
    And "act" writes `<text>` as its mode
    When it is applied
    Then it is "failed"
    And its failure reason says "steps[1].parameters.updateConfigMap.dataUpdates.mode"
    And its failure reason says "<message>"
    And no child was ever created

    Examples:
      | what                | text                                  | message                                          |
      | an unknown variable | {{ variables.zone }}                  | there is no variable 'zone'                      |
      | an unknown step     | {{ steps.lok.status }}                | there is no step 'lok'                           |
      | a step beside it    | {{ steps.beside.status }}             | step 'beside' has not ended by then              |
      | itself              | {{ steps.act.status }}                | step 'act' has not ended by then                 |
      | no expression       | zone {{ variables.limit + }}          | Syntax error                                     |
      | no end              | zone {{ variables.limit               | {{ at character 6 is not closed                  |
      | a null              | {{ null }}                            | the value is null                                |

  @BR-WF-007
  Scenario Outline: What a step changes, and how much, must be known before anything runs: <what>
    Given a workflow with the steps "look, act after look"
    And the variable count is `<value>`
    And "act" <does>
    When it is applied
    Then it is "failed"
    And its failure reason says "steps[1].parameters.scaleDeployment"
    And its failure reason says "<message>"
    And no child was ever created

    Examples:
      | what               | value   | does                                                    | message                              |
      | an object too late | 1       | scales the deployment `{{ steps.look.outputs.name }}`   | must be known at planning            |
      | a count too late   | 1       | scales to `{{ target.replicas + 2 }}`                   | must be known at planning            |
      | no number          | "many"  | scales to `{{ variables.count }}`                       | the value is not a whole number      |
      | a fraction         | 1.5     | scales to `{{ variables.count }}`                       | the value is not a whole number      |
      | too many           | 2000    | scales to `{{ variables.count }}`                       | less than or equal to 1000           |

  @BR-WF-007
  Scenario: The name of an object may come from a variable
    Given a workflow with the steps "look, act after look"
    And the variable name is `"look"`
    And "act" scales the deployment `{{ variables.name }}`
    When it is applied
    Then it is "completed"
    And child "recover-step-2" is told "scaleDeployment: deployment=look replicas=5"

  @BR-WF-007
  Scenario: A number that is neither number nor reference does not enter
    Given a workflow with the steps "shop"
    And "shop" scales to `many`
    When somebody tries to apply it
    Then the server refuses it and names "spec.workflowDefinition.steps[0].parameters.scaleDeployment.replicas"

  @BR-WF-007 @BR-WF-025
  Scenario: A controller that dies at any moment tells the child the same
    Given a workflow with the steps "look, act after look"
    And "look" hands on zone `eu-1`
    And "act" writes `{{ steps.look.outputs.zone }} {{ target.data.mode }}` as its mode
    When it is run once for each write of the controller, and the controller is killed after that write
    Then each time it was "completed" with the outcome "success"
    And each time the steps were "look completed, act completed"
