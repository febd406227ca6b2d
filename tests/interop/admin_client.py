"""Uses the admin API by a client that openapi-python-client made of openapi.yaml. Arguments: dev.json.

The client is the package `admin_api`, which must be in reach.
"""

import datetime
import json
import pathlib
import ssl
import sys

import httpx
from admin_api import Client
from admin_api.api.administration import (
    change_assurances_of_subject,
    change_consumer,
    give_assurance,
    list_consumers,
    read_assurances_of_subject,
    read_consumer,
    read_consumer_groups,
    read_whoami,
    register_consumer,
    search_audit,
)
from admin_api.models import (
    Assurance,
    AssuranceGift,
    AssurancesOfSubject,
    ChangedAssurances,
    Consumer,
    ConsumerPatch,
    ConsumerRegistration,
    Problem,
    RegistrationStatus,
    SubjectKind,
    SubjectPatch,
    SuspensionStatus,
    Whoami,
)
from admin_api.types import UNSET

GROUP = "urn:nhs:names:services:careconnect:fhir:rest:read:slot"
SUPPLIER = "GENSUP1"

manifest = json.loads(pathlib.Path(sys.argv[1]).read_text())
admin = manifest["admin"]
tls = ssl.create_default_context(cafile=manifest["ca_file"])
tls.load_cert_chain(admin["cert_file"], admin["key_file"])
client = Client(
    base_url=admin["base_url"].removesuffix("/admin/v1"),
    verify_ssl=tls,
    raise_on_unexpected_status=True,
    httpx_args={"trust_env": False},
)


def is_problem(answer, status, kind):
    assert answer.status_code == status, answer
    assert isinstance(answer.parsed, Problem) and answer.parsed.status == status, answer
    assert answer.parsed.type_.endswith(f"/errors/{kind}"), answer.parsed
    return answer.parsed


whoami = read_whoami.sync(client=client)
assert isinstance(whoami, Whoami) and whoami.name == "Demo administrator", whoami

# Registered with a secret, once however often it is asked for.
registration = ConsumerRegistration(
    name="Generated 111", asid="200000000777", ods_code="A1001", organisation_type="urgent-care",
    supplier_ods_code=SUPPLIER, with_secret=True, reason="Go-live",
)
made = register_consumer.sync_detailed(client=client, body=registration, idempotency_key="go-live-1")
assert made.status_code == 201 and len(made.parsed.client_secret) >= 32, made
client_id = made.parsed.consumer.client_id
again = register_consumer.sync_detailed(client=client, body=registration, idempotency_key="go-live-1")
assert again.status_code == 201 and again.headers["Idempotency-Replayed"] == "true", again
assert again.parsed.client_secret is None and again.parsed.consumer == made.parsed.consumer, again

# All that is wrong is said at once, with its place.
wrong = ConsumerRegistration(
    name=" ", asid="12", ods_code="A1001", organisation_type="urgent-care", supplier_ods_code=SUPPLIER
)
problem = is_problem(register_consumer.sync_detailed(client=client, body=wrong), 422, "admin-invalid")
assert sorted(fault.pointer for fault in problem.errors) == ["/asid", "/name"], problem

# Changed on the state that was read, and on no other.
read = read_consumer.sync_detailed(client_id, client=client)
tag = read.headers["ETag"]
assert isinstance(read.parsed, Consumer) and read.parsed.created_at.tzinfo is not None, read
assert [way_in.kind for way_in in read.parsed.credentials] == ["secret"], read
unchanged = read_consumer.sync_detailed(client_id, client=client, if_none_match=tag)
assert unchanged.status_code == 304 and unchanged.parsed is None, unchanged
patch = ConsumerPatch(name="Generated 111 hub", product="Pathways")
changed = change_consumer.sync_detailed(client_id, client=client, body=patch, if_match=tag)
assert isinstance(changed.parsed, Consumer) and changed.parsed.name == "Generated 111 hub", changed
stale = change_consumer.sync_detailed(client_id, client=client, body=ConsumerPatch(product=None), if_match=tag)
is_problem(stale, 412, "admin-precondition-failed")
assert stale.headers["ETag"] == changed.headers["ETag"] != tag, stale

# Assured, all four of them.
now = datetime.datetime.now(datetime.UTC)
gift = AssuranceGift(evidence="CSR-1", reason="Go-live", ends_at=now + datetime.timedelta(days=365))
four = {
    SubjectKind.SERVICE: client_id,
    SubjectKind.ORGANISATION: "A1001",
    SubjectKind.SYSTEM: "200000000777",
    SubjectKind.SUPPLIER: SUPPLIER,
}
for subject, identifier in four.items():
    given = give_assurance.sync_detailed(subject, identifier, GROUP, client=client, body=gift, if_none_match="*")
    if subject == SubjectKind.ORGANISATION:
        is_problem(given, 412, "admin-precondition-failed")  # the demo has assured it
        continue
    assert given.status_code in (200, 201) and isinstance(given.parsed, Assurance), given
    assert abs(given.parsed.ends_at - gift.ends_at) < datetime.timedelta(seconds=1), given
without = give_assurance.sync_detailed(SubjectKind.SUPPLIER, SUPPLIER, GROUP, client=client, body=gift)
is_problem(without, 428, "admin-precondition-required")


def is_effective():
    matrix = read_consumer_groups.sync(client_id, client=client)
    return [row.effective for row in matrix.items if row.group == GROUP] == [True]


assert is_effective()

# Listed page by page.
seen, cursor = [], UNSET
while cursor is not None:
    page = list_consumers.sync(client=client, limit=2, cursor=cursor)
    assert 1 <= len(page.items) <= 2, page
    seen += [consumer.client_id for consumer in page.items]
    cursor = page.next_
assert client_id in seen and len(set(seen)) == len(seen), seen
found = list_consumers.sync(
    client=client, status=RegistrationStatus.ACTIVE, expires_before=now + datetime.timedelta(days=366)
)
assert [consumer.client_id for consumer in found.items] == [client_id], found

# Its supplier suspended, then the consumer itself.
assured = read_assurances_of_subject.sync_detailed(SubjectKind.SUPPLIER, SUPPLIER, client=client)
assert isinstance(assured.parsed, AssurancesOfSubject), assured
suspension = SubjectPatch(status=SuspensionStatus.SUSPENDED, reason="INC-1")
suspended = change_assurances_of_subject.sync(
    SubjectKind.SUPPLIER, SUPPLIER, client=client, body=suspension, if_match=assured.headers["ETag"]
)
assert isinstance(suspended, ChangedAssurances), suspended
assert [one.suspended_at is None for one in suspended.items] == [False], suspended
assert not is_effective()
patch = ConsumerPatch(status=RegistrationStatus.SUSPENDED, reason="INC-1")
done = change_consumer.sync(client_id, client=client, body=patch, if_match=changed.headers["ETag"])
assert done.status == RegistrationStatus.SUSPENDED and done.suspended_at is not None, done

# All of it is in the audit, with who did it and why, refusals included.
audit = search_audit.sync(client=client, identifier=client_id, from_=now - datetime.timedelta(minutes=5))
newest = audit.items[0]
assert (newest.actor.name, newest.reason, newest.outcome) == (whoami.name, "INC-1", "done"), newest
assert {"done", "refused"} == {str(record.outcome) for record in audit.items}, audit
assert newest.after.additional_properties["status"] == "suspended", newest

print(f"{len(seen)} consumers, {len(audit.items)} records")
