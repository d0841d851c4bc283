"""Microsoft's own libraries for tokens, their code as published. Prints what each got, and what the API answers, as JSON.

They are told where the authority is, and trust its certificate by REQUESTS_CA_BUNDLE.
"""

import json
import sys

import msal
import requests
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import CertificateCredential, ClientSecretCredential

url, tenant, client, secret, pem, thumbprint = sys.argv[1:]
scope = "https://api.securitycenter.microsoft.com/.default"
authority = f"{url}/{tenant}"


def call(token):
    answer = requests.get(f"{url}/api/machines", headers={"Authorization": f"Bearer {token}"}, timeout=60)
    return answer.status_code


def azure(credential):
    return call(credential.get_token(scope).token)


def library(**options):
    application = msal.ConfidentialClientApplication(client, **options)
    answer = application.acquire_token_for_client([scope])
    if "access_token" not in answer:
        return answer
    # The second time from its cache.
    again = application.acquire_token_for_client([scope])
    assert again["access_token"] == answer["access_token"], again
    return call(answer["access_token"])


options = {"authority": url, "disable_instance_discovery": True}
with open(pem, encoding="ascii") as file:
    private_key = file.read()
certificate = {"private_key": private_key, "thumbprint": thumbprint}

try:
    ClientSecretCredential(tenant, client, secret + "x", **options).get_token(scope)
    refusal = None
except ClientAuthenticationError as error:
    refusal = error.message

print(json.dumps({
    "azureSecret": azure(ClientSecretCredential(tenant, client, secret, **options)),
    "azureCertificate": azure(CertificateCredential(tenant, client, pem, **options)),
    "azureChain": azure(CertificateCredential(tenant, client, pem, send_certificate_chain=True, **options)),
    "secret": library(client_credential=secret, authority=authority, instance_discovery=False),
    # Whether the authority is one is asked of itself.
    "discovered": library(
        client_credential=secret,
        authority=authority,
        instance_discovery=f"{url}/common/discovery/instance",
    ),
    "openId": library(client_credential=secret, oidc_authority=f"{authority}/v2.0"),
    "certificate": library(client_credential=certificate, authority=authority, instance_discovery=False),
    "wrong": library(client_credential="wrong", authority=authority, instance_discovery=False),
    "refusal": refusal,
}))
