"""A general OData V4 client: entities are made from $metadata, then queried. Prints what it found as JSON."""

import json
import sys

import requests
from odata import ODataService

url, token = sys.argv[1:]
session = requests.Session()
session.headers["Authorization"] = f"Bearer {token}"
service = ODataService(f"{url}/api/", session=session, reflect_entities=True, quiet_progress=True)

machine = service.entities["Machines"]
software = service.entities["Software"]

windows = service.query(machine).filter(machine.osPlatform == "Windows11").order_by(machine.id.asc()).limit(5).all()
everything = service.query(machine).all()
exposed = service.query(software).filter(software.vendor == "microsoft").order_by(software.exposedMachines.desc()).first()
print(json.dumps({
    "sets": sorted(service.entities.keys()),
    "windows11": [entity.id for entity in windows],
    "machines": len(list(everything)),
    "mostExposed": exposed.id,
    "weaknesses": exposed.weaknesses,
    "lastSeen": everything[0].lastSeen.isoformat(),
}))
