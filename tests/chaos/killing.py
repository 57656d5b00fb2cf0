"""Calling a verb and killing something during it."""

from collections.abc import Callable
from dataclasses import replace

from tests.chaos.freeze import frozen
from tests.chaos.kill_targets import Caller, kill_targets, strike
from tests.chaos.moments import that_comes, watch
from tests.chaos.place import Place, todo
from tests.chaos.scene import Scene
from tests.chaos.script import KILL_TARGETS, POWERED, Kill
from vmops import VMOps
from vmops.core.polling import NotYet, poll_until
from vmops.jobs.operation import Verb

PATIENCE = 300.0
"""Seconds within which a moment comes, and within which the call ends."""


def kill(scene: Scene, verb: str, drawn: Kill) -> tuple[Kill, bool]:
    """Call a verb, and kill something at a moment; the previous call must have ended.

    Returns: the moment, which is another one if the intended one could not come, and whether it was met before the verb
    ended.
    """
    rest(scene)
    if verb in POWERED:
        scene.come_to_rest(PATIENCE)  # Azure refuses concurrent power operations
    moment = that_comes(drawn.moment, scene, verb)
    target = drawn.target if drawn.target in KILL_TARGETS[verb][moment.name] else "worker"
    met = replace(drawn, moment=moment, target=target)
    with frozen(scene) as held:
        patient = target in {"caller", "azure"}
        place = Place(scene, verb, held, patient, scene.store.latest(scene.stack), todo(scene, verb))
        return met, _strike(scene, verb, met, watch(moment, place))


def rest(scene: Scene) -> None:
    """Wait for the end of what was killed, as another program does."""
    scene.params.pop("asyncResultsUrl", None)
    latest = scene.store.latest(scene.stack)
    if latest and not latest.over:
        VMOps(scene.ops.settings).wait_vm_deployment(latest.verb is Verb.PROVISION, scene.params)


def _strike(scene: Scene, verb: str, met: Kill, come: Callable[[], bool]) -> bool:
    over = _over(scene, verb)
    caller = Caller(scene, verb) if met.target == "caller" or verb in POWERED else None
    if caller is None:
        getattr(scene.ops, f"vm_{verb}")(scene.params)

    def look() -> bool | NotYet:
        was_over = over(caller)  # checked first, so a moment seen afterwards came in time
        meant = kill_targets(scene, met, caller) if come() else []
        if meant and strike(scene, met, meant, come):
            return True
        return False if was_over else NotYet(0.005)

    try:
        return poll_until(look, timeout=PATIENCE) is True
    finally:
        if caller:
            caller.kill()


def _over(scene: Scene, verb: str) -> Callable[[Caller | None], bool]:
    """Give a check whether a verb has ended, so that no moment of it can come any more."""
    before = scene.store.latest(scene.stack)

    def over(caller: Caller | None) -> bool:
        now = scene.store.latest(scene.stack)
        if now is None or (before and now.id == before.id):
            return caller is None or caller.has_said("over" if verb in POWERED else "called")
        return now.over

    return over
