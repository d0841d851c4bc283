"""The client of a monitoring plug-in for Microsoft Defender, its code as published. Prints what it found as JSON.

Its address is handed to it, for it knows Microsoft's hosts only; so is a token.
"""

import json
import sys

from check_msdefender.core.defender import DefenderClient
from check_msdefender.services.machines_service import MachinesService
from check_msdefender.services.vulnerabilities_service import VulnerabilitiesService

url, token, name = sys.argv[1:]


class Token:
    """What the client asks for tokens."""

    def get_token(self, scope):
        class Given:
            pass

        given = Given()
        given.token = token
        given.expires_on = 0
        return given


client = DefenderClient(Token())
client.base_url = url
found = client.get_machine_by_dns_name(name)
machine = found["value"][0]["id"]
print(json.dumps({
    "machine": machine,
    "byId": client.get_machine_by_id(machine)["computerDnsName"],
    "vulnerabilities": len(client.get_machine_vulnerabilities(machine)["value"]),
    "machines": len(client.list_machines()["value"]),
    "products": len(client.get_products()["value"]),
    "plugin": [
        MachinesService(client).get_result(),
        VulnerabilitiesService(client).get_result(dns_name=name),
    ],
}, default=str))
