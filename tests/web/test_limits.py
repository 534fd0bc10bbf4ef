"""Guessing passwords is slow work, from one place and from many."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher
from fastapi import FastAPI

from monitor.web.limits import RateLimit
from monitor.web.passwords import Passwords
from tests.web.conftest import PASSWORD, Browser


def test_guessing_is_slowed_down_for_one_name_and_lets_others_in(browser: Browser) -> None:
    for _ in range(5):
        assert browser.sign_in("qa", "guess").status_code == 401
    refused = browser.sign_in("qa", PASSWORD)
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) > 0
    assert browser.sign_in("trainer").status_code == 200


def test_guessing_from_elsewhere_does_not_lock_the_owner_out(
    app: FastAPI, browser: Browser
) -> None:
    stranger = Browser(app, "192.0.2.7")
    for _ in range(6):
        stranger.sign_in("qa", "guess")
    assert stranger.sign_in("qa").status_code == 429
    assert browser.sign_in("qa").status_code == 200


def test_one_address_trying_many_names_is_slowed_down(browser: Browser, app: FastAPI) -> None:
    app.state.address_limit = RateLimit(times=8, window_s=300)
    answers = [browser.sign_in(f"name{n}", "guess").status_code for n in range(10)]
    assert answers == [401] * 8 + [429] * 2


def test_many_attempts_at_once_get_no_further_than_one_after_the_other(app: FastAPI) -> None:
    together = threading.Barrier(5, timeout=60)

    class Slow(Passwords):
        """Whoever gets so far waits until as many have as may."""

        def check(self, hashed: str, password: str) -> bool:
            together.wait()
            return super().check(hashed, password)

    app.state.passwords = Slow(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    guessers = [Browser(app) for _ in range(12)]

    def guess(guesser: Browser) -> int:
        form = {"name": "qa", "password": "guess"}
        status: int = guesser.post("/login", data=form).status_code
        return status

    with ThreadPoolExecutor(len(guessers)) as pool:
        answers = sorted(pool.map(guess, guessers))
    assert answers == [401] * 5 + [429] * 7


def test_signing_in_often_is_no_guessing(app: FastAPI, browser: Browser) -> None:
    app.state.address_limit = RateLimit(times=3, window_s=300)
    for _ in range(5):
        assert browser.sign_in("qa").status_code == 200
        assert browser.submit("/logout").url.path == "/login"


def test_the_limit_forgets_with_time() -> None:
    now = 0.0
    limit = RateLimit(times=2, window_s=10, clock=lambda: now)
    assert limit.attempt("a") == 0.0
    now = 4.0
    assert limit.attempt("a") == 0.0
    assert limit.attempt("a") == 6.0
    assert limit.attempt("b") == 0.0
    now = 10.0
    assert limit.attempt("a") == 0.0
    assert limit.attempt("a") == 4.0
    limit.forgive("a")
    assert limit.attempt("a") == 0.0
    limit.succeeded("a")
    assert [limit.attempt("a") for _ in range(3)] == [0.0, 0.0, 10.0]
