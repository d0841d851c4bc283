"""Signs a person in with Microsoft's own libraries, unmodified, and prints what they got.

Whoever runs it plays the person: it prints, a line each, the device codes to enter and the URL to open, and reads the URL
that the browser was sent to.
"""

import json
import sys
import urllib.parse

import msal
import requests
from azure.identity import DeviceCodeCredential

url, tenant, public, confidential, secret, redirect = sys.argv[1:]
SCOPES = ["https://api.securitycenter.microsoft.com/Software.Read"]
DEFAULT = "https://api.securitycenter.microsoft.com/.default"


def say(**what):
    print(json.dumps(what), flush=True)


def software(token):
    answer = requests.get(
        url + "/api/software", headers={"Authorization": "Bearer " + token}, timeout=30
    )
    return answer.status_code


authority = f"{url}/{tenant}"
app = msal.PublicClientApplication(public, authority=authority, instance_discovery=False)
flow = app.initiate_device_flow(scopes=SCOPES)
say(user_code=flow["user_code"], page=flow["verification_uri"])
got = app.acquire_token_by_device_flow(flow)
assert "access_token" in got, got
account = app.get_accounts()[0]
silent = app.acquire_token_silent(SCOPES, account=account)
assert silent["access_token"] == got["access_token"]
fresh = app.acquire_token_silent(SCOPES, account=account, force_refresh=True)
assert fresh["access_token"] != got["access_token"]
device = {
    "username": account["username"],
    "name": got["id_token_claims"]["name"],
    "status": software(fresh["access_token"]),
}

app = msal.ConfidentialClientApplication(
    confidential, client_credential=secret, authority=authority, instance_discovery=False
)
say(open=app.get_authorization_request_url(SCOPES, redirect_uri=redirect, nonce="n", state="s"))
query = urllib.parse.parse_qs(urllib.parse.urlsplit(sys.stdin.readline().strip()).query)
got = app.acquire_token_by_authorization_code(
    query["code"][0], SCOPES, redirect_uri=redirect, nonce="n"
)
assert "access_token" in got, got
code = {"state": query["state"][0], "status": software(got["access_token"])}

app = msal.PublicClientApplication(public, authority=authority, instance_discovery=False)
flow = app.initiate_auth_code_flow(SCOPES, redirect_uri=redirect)
say(open=flow["auth_uri"])
query = urllib.parse.parse_qs(urllib.parse.urlsplit(sys.stdin.readline().strip()).query)
got = app.acquire_token_by_auth_code_flow(flow, {key: all[0] for key, all in query.items()})
assert "access_token" in got, got
pkce = {"status": software(got["access_token"])}

credential = DeviceCodeCredential(
    client_id=public,
    tenant_id=tenant,
    authority=url,
    disable_instance_discovery=True,
    prompt_callback=lambda page, code, until: say(user_code=code, page=page),
)
azure = {"status": software(credential.get_token(DEFAULT).token)}

say(device=device, code=code, pkce=pkce, azure=azure)
