Feature: Templates
  A workflow names a template instead of writing its steps down. What the template says is fixed when it is planned.

  @BR-WF-026
  Scenario: A workflow runs from a template of its own namespace
    Given the template "scale-both" 1.2.0 in its own namespace
    And a workflow from the template "scale-both" 1.2.0
    And its parameter "replicas" is 6
    When it is applied
    Then it is "completed"
    And its plan is from the template "scale-both" 1.2.0
    And it was planned with the steps "first, second"
    And the child of "first" was told to scale to 6
    And the child of "second" was told to scale to 5
    And an event "TemplateResolved" says "1.2.0 from ConfigMap"
    And its condition "TemplateResolved" is "True"

  @BR-WF-026
  Scenario: A default stands in for a parameter that is left out
    Given the template "scale-both" 1.0.0 in its own namespace
    And a workflow from the template "scale-both" 1.0.0
    When it is applied
    Then it is "completed"
    And the child of "first" was told to scale to 4

  @BR-WF-026
  Scenario Outline: The workflow's namespace comes first, the highest release is meant where no version is named: <what>
    Given the template "scale-both" 1.9.0 in <first> namespace
    And the template "scale-both" 1.10.0 in <second> namespace
    And the template "scale-both" 2.0.0-rc.1 in <second> namespace
    And a workflow from the template "scale-both" <wanted>
    When it is applied
    Then it is "completed"
    And its plan is from the template "scale-both" <version>
    And its status tells that the template stands in <place> namespace

    Examples:
      | what           | first            | second           | wanted     | version    | place            |
      | the highest    | its own          | its own          | any        | 1.10.0     | its own          |
      | its own first  | its own          | the controller's | any        | 1.9.0      | its own          |
      | exactly that   | its own          | its own          | 1.9.0      | 1.9.0      | its own          |
      | a pre-release  | its own          | its own          | 2.0.0-rc.1 | 2.0.0-rc.1 | its own          |
      | not in its own | its own          | the controller's | 1.10.0     | 1.10.0     | the controller's |
      | shared by all  | the controller's | the controller's | any        | 1.10.0     | the controller's |

  @BR-WF-026
  Scenario Outline: A parameter that does not fit is refused with its name: <what>
    Given the template "scale-both" 1.0.0 in its own namespace
    And a workflow from the template "scale-both" 1.0.0
    And its parameter "<name>" is <value>
    When it is applied
    Then it is "failed"
    And planning is refused with the reason "<reason>"
    And its failure reason says "<says>"
    And no child was ever created

    Examples:
      | what         | name     | value           | reason                     | says                                      |
      | unknown      | replcas  | 3               | template_parameter_unknown | did you mean replicas?                    |
      | wrong type   | replicas | "3"             | template_parameter_invalid | 'replicas'                                |
      | bad pattern  | namespace | "Not Valid"    | template_parameter_invalid | must match ^[a-z0-9-]+$                   |
      | not in enum  | mode     | fats            | template_parameter_invalid | did you mean fast?                        |
      | a reference  | mode     | "{{ input.x }}" | template_parameter_invalid | must be a plain value                     |
      | out of range | replicas | 5000            | template_invalid           | parameters.scaleDeployment.replicas       |

  @BR-WF-026
  Scenario: A parameter that is needed and missing is refused with its name
    Given the template "scale-both" 1.0.0 in its own namespace
    And a workflow from the template "scale-both" 1.0.0
    And its parameters are left out
    When it is applied
    Then it is "failed"
    And planning is refused with the reason "template_parameter_missing"
    And its failure reason says "needs a value for 'namespace'"
    And no child was ever created

  @BR-WF-026
  Scenario: A template that is not there is refused with the versions there are
    Given the template "scale-both" 1.0.0 in its own namespace
    And a workflow from the template "scale-both" 3.0.0
    When it is applied
    Then it is "failed"
    And planning is refused with the reason "template_not_found"
    And its failure reason says "3.0.0 not found"
    And its failure reason says "there is 1.0.0 in"
    And no child was ever created

  @BR-WF-026
  Scenario: Two ConfigMaps with the same version are refused
    Given the template "scale-both" 1.0.0 in its own namespace
    And the template "scale-both" 1.0.0 stands in a second ConfigMap
    And a workflow from the template "scale-both" any
    When it is applied
    Then it is "failed"
    And planning is refused with the reason "template_ambiguous"
    And its failure reason says "keep one"

  @BR-WF-026
  Scenario: A template that is none is refused with the place and the fix
    Given the template "broken" 1.0.0 is written
      """
      steps:
        - name: first
          action: scale-deployment
          time_out: 5m
      """
    And a workflow from the template "broken" 1.0.0
    When it is applied
    Then it is "failed"
    And planning is refused with the reason "template_invalid"
    And its failure reason says "steps[0].time_out"
    And its failure reason says "did you mean timeout?"
    And no child was ever created

  @BR-WF-026
  Scenario: Without the right to look, a template is refused and never taken for missing
    Given the controller may not read the ConfigMaps of its namespace
    And the template "scale-both" 1.0.0 in its own namespace
    And a workflow from the template "scale-both" 1.0.0
    When it is applied
    Then it is "failed"
    And planning is refused with the reason "template_forbidden"
    And its failure reason says "no right to list ConfigMaps in"

  @BR-WF-027
  Scenario Outline: A workflow that is exported and applied again is the same workflow: as <form>
    Given a workflow with the steps "first, second after first"
    And its variables are
      | name   | value           |
      | word   | "yes"           |
      | hex    | "0x1F"          |
      | number | "1e3"           |
      | empty  | ""              |
      | lines  | "one\ntwo: 2\n" |
      | quote  | "'{}' # no"     |
      | real   | 2.5             |
      | truth  | true            |
    And "first" takes 3s
    When it is applied
    And it is "completed"
    And it is exported as <form>, deleted, and what was exported is applied
    Then it is "completed"
    And its spec is what it was in its first life
    And nothing else is left of its first life

    Examples:
      | form |
      | yaml |
      | json |

  @BR-WF-027 @BR-WF-018a
  Scenario: A cancelled workflow that is exported and applied again runs
    Given a workflow with the steps "first"
    And it is cancelled from the start
    When it is applied
    And it is "cancelled"
    And it is exported as yaml, deleted, and what was exported is applied
    Then it is "completed"

  @BR-WF-027
  Scenario Outline: A template that is exported and stored again makes the same workflow: as <form>
    Given the template "tricky" 1.2.0 is written
      """
      description: "0x1F"
      parameters:
        - {name: namespace}
        - {name: replicas, type: number, default: 7}
        - {name: word, default: "yes"}
      variables: {answer: "no", count: 3, share: 0.5, lines: "a: b\n- c\n"}
      steps:
        - name: first
          action: scale-deployment
          when: variables.answer == "no" && variables.count == 3
          parameters: {scaleDeployment: {namespace: "${namespace}", deployment: first, replicas: "${replicas}"}}
      """
    And the template "tricky" 1.2.0 is exported as <form>, and what was exported takes its place
    And a workflow from the template "tricky" 1.2.0
    And the steps of the template are "first"
    When it is applied
    Then it is "completed"
    And it was planned with the steps "first"
    And the child of "first" was told to scale to 7

    Examples:
      | form |
      | yaml |
      | json |

  @BR-WF-028
  Scenario: A template extends another: a step is changed, one is added, one is left out
    Given the template "scale-both" 1.0.0 in its own namespace
    And the template "scale-more" 2.0.0 extends "scale-both"
      """
      removeSteps: [second]
      steps:
        - name: first
          parameters: {scaleDeployment: {replicas: 8}}
        - name: third
          action: scale-deployment
          dependsOn: [first]
          parameters: {scaleDeployment: {namespace: "${namespace}", deployment: third, replicas: 2}}
      """
    And a workflow from the template "scale-more" 2.0.0
    And the steps of the template are "first, third"
    When it is applied
    Then it is "completed"
    And it was planned with the steps "first, third"
    And the child of "first" was told to scale to 8
    And the child of "third" was told to scale to 2
    And its template extends "scale-both 1.0.0"

  @BR-WF-028
  Scenario: Templates that extend each other are refused with the circle
    Given the template "egg" 1.0.0 extends "hen"
      """
      """
    And the template "hen" 1.0.0 extends "egg"
      """
      """
    And a workflow from the template "hen" 1.0.0
    When it is applied
    Then it is "failed"
    And planning is refused with the reason "template_cycle"
    And its failure reason says " → egg"

  @BR-WF-028
  Scenario: A chain that is too long is refused with all of it
    Given a chain of 9 templates
    And a workflow from the template "link-1" 1.0.0
    When it is applied
    Then it is "failed"
    And planning is refused with the reason "template_depth"
    And its failure reason says "more than 8 templates extend one another"

  @BR-WF-025 @BR-WF-026
  Scenario: A change of the template does not touch a workflow that runs
    Given the template "scale-both" 1.0.0 that scales "first" to 6
    And a workflow from the template "scale-both" 1.0.0
    And "first" takes 40s
    When it is applied
    And "first" is running
    And somebody changes the template "scale-both" 1.0.0 to scale "first" to 9
    Then it is "completed"
    And the child of "first" was told to scale to 6
    And the child of "second" was told to scale to 5

  @BR-WF-025 @BR-WF-026
  Scenario: A controller that was killed goes on with the template as it was
    Given the template "scale-both" 1.0.0 that scales "first" to 6
    And a workflow from the template "scale-both" 1.0.0
    And "first" takes 40s
    When it is applied
    And "first" is running
    And somebody changes the template "scale-both" 1.0.0 to scale "first" to 9
    And the controller is killed
    Then it is "completed"
    And the child of "first" was told to scale to 6
    And the child of "second" was told to scale to 5

  @BR-WF-017c
  Scenario: Structured actions become a workflow whose care follows priority and risk
    Given the workflow imported from
      """
      structuredActions:
        - actionType: scale_deployment
          parameters: {namespace: NAMESPACE, deployment: step-1-scale-deployment, replicas: 7}
          priority: high
          reasoning: {riskAssessment: medium}
        - actionType: restart_deployment
          parameters: {namespace: NAMESPACE, deployment: step-2-restart-deployment}
          priority: low
          confidence: 0.5
      """
    When it is applied
    Then it is "completed"
    And the plan says of its steps
      | step                      | timeout | retries | undo             |
      | step-1-scale-deployment   | 2m      | 2       | scale-deployment |
      | step-2-restart-deployment | 2m      | 0       |                  |
    And the child of "step-1-scale-deployment" was told to scale to 7

  @BR-WF-017b @BR-WF-018b @BR-WF-020b
  Scenario Outline: Secondary actions run as the primary went: the primary <what>
    Given the workflow imported from
      """
      primary_action:
        action: restart_deployment
        parameters: {namespace: NAMESPACE, deployment: restart-deployment}
      secondary_actions:
        - action: scale_deployment
          parameters: {namespace: NAMESPACE, deployment: scale-deployment, replicas: 7}
          condition: if_primary_fails
        - action: scale_deployment
          parameters: {namespace: NAMESPACE, deployment: scale-deployment-2, replicas: 7}
          condition: after_primary
        - action: scale_deployment
          parameters: {namespace: NAMESPACE, deployment: scale-deployment-3, replicas: 7}
          condition: parallel_with_primary
      """
    And "restart-deployment" <what>
    When it is applied
    Then it is "completed"
    And its steps are "restart-deployment <primary>, scale-deployment <fallback>, scale-deployment-2 completed, scale-deployment-3 completed"

    Examples:
      | what                                  | primary   | fallback  |
      | takes 4s                              | completed | skipped   |
      | always fails with "permission_denied" | failed    | completed |

  @BR-WF-001 @BR-WF-017b
  Scenario: An analysis with a wrong recommendation becomes no workflow, and every wrong place is named
    When somebody tries to import
      """
      kind: AIAnalysis
      status:
        recommendations:
          - id: one
            action: scale_deploymnet
          - id: two
            action: restart_deployment
            parameters: {namespace: NAMESPACE, deploymnt: a}
            dependencies: [thre]
      """
    Then the import names
      | path                                           | says                          |
      | status.recommendations[0].action               | did you mean scale-deployment |
      | status.recommendations[1].parameters.deploymnt | did you mean deployment?      |
      | status.recommendations[1].dependencies[0]      | no recommendation of that id  |
