"""Tools: their list, their schemas, their calls."""

from tests.requirements.row import ALL, MODERN, MUST, SHOULD, SINCE_2025_06, Row

LISTS = (
    Row("tools.capability", MUST, ALL, "Tools / Capabilities", "A server that has tools declares the capability."),
    Row(
        "tools.list", MUST, ALL, "Tools / Capabilities", "The list holds the tools this caller may use, possibly none."
    ),
    Row(
        "tools.list-steady",
        MUST,
        MODERN,
        "Tools / Capabilities",
        "It varies neither by connection nor as an effect of other requests.",
    ),
    Row("tools.order", SHOULD, MODERN, "Tools / Capabilities", "The same tools come in the same order each time."),
    Row("tools.cursor", SHOULD, ALL, "Pagination / Error Handling", "A cursor that was never given out gets -32602."),
    Row(
        "tools.caching",
        MUST,
        MODERN,
        "Caching",
        "A list says for how many milliseconds it may be kept, none at the least, and for whom.",
    ),
    Row(
        "tools.caching-private",
        MUST,
        MODERN,
        "Caching",
        "Each page of a list that depends on the caller says that it is private.",
    ),
    Row(
        "tools.access",
        MUST,
        ALL,
        "Caching / Security Considerations",
        "What a caller may not use is refused when it is called, whatever list the caller has seen.",
    ),
)

DEFINITIONS = (
    Row(
        "tools.name",
        SHOULD,
        ALL,
        "Tools / Tool Names",
        "Names have 1 to 64 letters, digits, underscores or hyphens, which every client takes.",
    ),
    Row("tools.name-unique", SHOULD, ALL, "Tools / Tool Names", "No two tools of a server have one name."),
    Row("tools.name-case", SHOULD, ALL, "Tools / Tool Names", "Names that differ in case are different names."),
    Row("tools.input-schema", MUST, ALL, "Tools / Tool", "The input schema is a JSON Schema whose root is an object."),
    Row(
        "tools.dialect",
        MUST,
        ALL,
        "Overview / JSON Schema Usage",
        "Schemas are valid JSON Schema 2020-12, and arguments are judged by that dialect.",
    ),
    Row(
        "tools.schema-intact",
        SHOULD,
        ALL,
        "Overview / JSON Schema Usage",
        "Every keyword of a schema reaches the client as it is.",
    ),
    Row(
        "tools.no-fetching",
        MUST,
        ALL,
        "Overview / $ref Resolution",
        "No reference in a schema is ever fetched from the network.",
    ),
    Row(
        "tools.unresolved",
        SHOULD,
        ALL,
        "Overview / $ref Resolution",
        "A schema with a reference to elsewhere is refused and not taken to allow anything.",
    ),
)

CALLS = (
    Row(
        "tools.output-conforms",
        MUST,
        (*MODERN, *SINCE_2025_06),
        "Tools / Output Schema",
        "A structured result fits the output schema that the list gave.",
    ),
    Row(
        "tools.output-object",
        MUST,
        SINCE_2025_06,
        "2025-11-25, Tools / Structured Content",
        "Structured results, and the schemas of them, have an object at their root.",
    ),
    Row(
        "tools.output-text",
        SHOULD,
        ALL,
        "Tools / Structured Content",
        "The structure stands in a text block too, for clients that know only these.",
    ),
    Row(
        "tools.content",
        MUST,
        ALL,
        "Tools / Tool Result",
        "A result's blocks are of kinds the caller's revision knows, and valid by its schema.",
    ),
    Row(
        "tools.unknown",
        SHOULD,
        ALL,
        "Contract §5",
        "A tool that is not there is a result marked as an error, which names those that are.",
    ),
    Row(
        "tools.execution-errors",
        SHOULD,
        ALL,
        "Tools / Error Handling",
        "Arguments that do not fit, and whatever goes wrong upstream, are results marked as errors.",
    ),
    Row(
        "tools.inputs",
        MUST,
        ALL,
        "Tools / Security Considerations",
        "All inputs are checked, and what does not pass is not sent upstream.",
    ),
    Row(
        "tools.access-control",
        MUST,
        ALL,
        "Tools / Security Considerations",
        "Each call is made for its own caller only, with that account's key.",
    ),
    Row(
        "tools.outputs",
        MUST,
        ALL,
        "Tools / Security Considerations",
        "Outputs are bounded, readable as what they claim to be, and free of secrets.",
    ),
)
