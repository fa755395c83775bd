"""Ids and hashes of a mirror."""

from hypothesis import given
from hypothesis import strategies as st

from eventlog.mirror.bucket.digits import hash_machine, is_archive_id, is_sha256


def test_ids_are_lower_case_hex_digits_of_one_length() -> None:
    assert is_sha256("0a" * 32) and not is_sha256("0A" * 32) and not is_sha256("0a" * 31)
    assert is_archive_id("0a" * 8) and not is_archive_id("0a" * 8 + "\n")


def test_the_hash_of_a_machine_is_the_documented_one() -> None:
    # printf 'hindlog machine' | openssl dgst -sha256 -hmac here | cut -c1-16
    assert hash_machine("here") == "899424a92c304322"


@given(st.text(max_size=40))
def test_the_hash_of_a_machine_does_not_contain_its_name(machine: str) -> None:
    assert is_archive_id(hash_machine(machine))
    assert len(machine) < 4 or machine not in hash_machine(machine)
