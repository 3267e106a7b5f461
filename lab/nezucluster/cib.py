"""What a cluster's configuration says, apart from how the tool that made it names and orders things."""

import re
import xml.etree.ElementTree as ElementTree


def _pairs(element, kind):
    return {nv.get("name"): nv.get("value") for group in element.findall(kind) for nv in group.iter("nvpair")}


def _operation(op):
    role = {"Slave": "Unpromoted", "Master": "Promoted"}.get(op.get("role"), op.get("role"))
    attributes = {k: v for k, v in op.attrib.items() if k not in ("id", "name", "interval", "role")}
    return op.get("name"), _seconds(op.get("interval")), role, tuple(sorted({**attributes, **_pairs(op, "instance_attributes")}.items()))


def _seconds(text):
    number, unit = re.fullmatch(r"(\d+)(ms|s|)", text).groups()
    return int(number) / (1000 if unit == "ms" else 1)


def _rule(constraint):
    return [(rule.get("score"), [tuple(e.get(k) for k in ("attribute", "operation", "value")) for e in rule.iter("expression")])
            for rule in constraint.findall("rule")]


def summary(text):
    """Resources with parameters, operations and meta-attributes; groups and clones with what they hold; location constraints; properties."""
    root = ElementTree.fromstring(text)
    out = {}
    for primitive in root.iter("primitive"):
        out[primitive.get("id")] = {"agent": ":".join(primitive.get(k, "") for k in ("class", "provider", "type")),
                                    "parameters": _pairs(primitive, "instance_attributes"), "meta": _pairs(primitive, "meta_attributes"),
                                    "operations": sorted(map(_operation, primitive.iter("op")), key=str)}
    for kind in ("group", "clone"):
        for holder in root.iter(kind):
            out[holder.get("id")] = {kind: [child.get("id") for child in holder if child.tag in ("primitive", "group")],
                                     "meta": _pairs(holder, "meta_attributes")}
    locations = [(c.get("rsc"), c.get("node"), c.get("score"), _rule(c)) for c in root.iter("rsc_location")]
    return {"resources": out, "locations": sorted(locations, key=str),
            "properties": {k: v for k, v in _pairs(root.find("configuration/crm_config"), "cluster_property_set").items()
                           if k not in ("cluster-infrastructure", "dc-version", "have-watchdog", "cluster-name")}}


def without_unasked(made, asked):
    """A summary without the one-time operations that a tool adds of itself, with the agent's own figures, where `asked` has none of the name."""
    def kept(name, resource):
        if "operations" not in resource:
            return resource
        names = {operation for operation, *_ in asked["resources"].get(name, {}).get("operations", ())}
        return {**resource, "operations": [op for op in resource["operations"] if op[1] != 0 or op[0] in names]}
    return {**made, "resources": {name: kept(name, resource) for name, resource in made["resources"].items()}}
