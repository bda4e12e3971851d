"""What the endpoint says of itself to an SPML client: one target, its schema and its capabilities."""

from typing import Final

from provisioning.core.source_spml import PushedSpml
from provisioning.protocols.inbound.spml_message import FailureError, response
from provisioning.protocols.spml_names import ASYNC, BATCH, CORE, DSML_PROFILES, PASSWORD, SEARCH, SUSPEND, UPDATES
from provisioning.protocols.xml import Element

OFFERED: Final = (ASYNC, BATCH, SEARCH, SUSPEND, UPDATES)
_SCHEMA: Final = "http://www.w3.org/2001/XMLSchema"


def list_targets(request: Element, options: PushedSpml) -> Element:
    """The target, if it has the profile that is asked for (section 3.5.1.1). Raises FailureError."""
    asked = request.attributes.get("profile", "").strip()
    if asked and not asked.casefold().endswith("dsml" if options.profile == "dsml" else ("xsd", "xmlschema")):
        raise FailureError("unsupportedProfile", f"the profile is {options.profile.upper()}")
    entity = Element(CORE, "supportedSchemaEntity", {"targetID": options.target, "entityName": options.entity})
    content = _dsml(options) if options.profile == "dsml" else _xsd(options)
    offered = (*OFFERED, PASSWORD) if options.passwords else OFFERED
    capabilities = tuple(Element(CORE, "capability", {"namespaceURI": uri}, _applied(uri, options)) for uri in offered)
    attributes = {"targetID": options.target}
    if options.profile == "dsml":
        attributes["profile"] = DSML_PROFILES[0]
    children = (
        Element(CORE, "schema", children=(content, entity)),
        Element(CORE, "capabilities", children=capabilities),
    )
    return response(request, (Element(CORE, "target", attributes, children),))


def _applied(uri: str, options: PushedSpml) -> tuple[Element, ...]:
    if uri not in (PASSWORD, SEARCH, SUSPEND, UPDATES):
        return ()
    return (Element(CORE, "appliesTo", {"targetID": options.target, "entityName": options.entity}),)


def _dsml(options: PushedSpml) -> Element:
    """One object class. It may have any attributes; the one by which objects are told apart is named."""
    space = DSML_PROFILES[0]
    names = () if options.unique is None else (options.unique,)
    members = Element(
        space,
        "memberAttributes",
        children=tuple(Element(space, "attributeDefinitionReference", {"name": name}) for name in names),
    )
    class_ = Element(space, "objectClassDefinition", {"name": options.entity}, (members,))
    return Element(
        space, "schema", children=(class_, *(Element(space, "attributeDefinition", {"name": n}) for n in names))
    )


def _xsd(options: PushedSpml) -> Element:
    """One element that holds any elements."""
    any_ = Element(_SCHEMA, "any", {"processContents": "lax", "minOccurs": "0", "maxOccurs": "unbounded"})
    content = Element(_SCHEMA, "complexType", children=(Element(_SCHEMA, "sequence", children=(any_,)),))
    named = Element(_SCHEMA, "element", {"name": options.entity}, (content,))
    space = {"targetNamespace": options.namespace} if options.namespace else {}
    return Element(_SCHEMA, "schema", space, (named,))
