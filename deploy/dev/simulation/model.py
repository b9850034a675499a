"""A discrete-event model of group commit: clients, instances with one worker each, one database.

An instance is one worker thread. When a batch is committed, the requests that wait depart as the next batch, of at most `cap` rows. Then
the worker writes the answers and reads new requests. If nothing is in flight, a batch departs after a `turn` of the event loop that
brings nothing to read. Where commits are slow, as many as `flights` batches are in flight, and one departs when the time of a flight
divided by `flights` has passed since the last one. The database needs `a + b * rows` of processor time for a batch, plus `commit` for
the storage; batches of different connections overlap. All times are in microseconds.

The model leaves out: cores shared between the parties, time-outs, the queue's adaptation to a slow database, and reads.
"""

import heapq
import random
from collections import deque
from dataclasses import dataclass, field
from itertools import count
from math import inf

# Quicker flights depart one at a time.
SLOW = 1500.0


@dataclass(frozen=True)
class Costs:
    """Constants of one machine, in microseconds; `run` takes them from what the bench measured."""

    read: float  # processor time of the worker to read one request and queue it
    answer: float  # processor time of the worker to answer one request
    a: float  # processor time of the database for one batch, without rows
    b: float  # processor time of the database for each row of a batch
    commit: float  # until the storage has a batch: no processor time
    client: float  # processor time of the load generator for one request
    turn: float = 15.0  # event-loop turns that bring nothing new, before a batch departs


@dataclass
class Result:
    seconds: float
    answered: int
    batches: int
    latencies: list[float] = field(repr=False)

    @property
    def rate(self) -> float:
        return self.answered / self.seconds

    @property
    def commits(self) -> float:
        return self.batches / self.seconds

    @property
    def rows(self) -> float:
        return self.answered / max(self.batches, 1)

    def percentile(self, share: float) -> float:
        ordered = sorted(self.latencies)
        return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


class Instance:
    def __init__(self) -> None:
        self.unread: deque[float] = deque()  # when each request that the worker has not read was sent
        self.queued: deque[float] = deque()  # read, waiting for a batch
        self.unanswered: deque[float] = deque()  # committed, waiting for the worker
        self.flying = 0
        self.departed = 0.0  # when the last batch did
        self.flight = 0.0  # how long the last batch that has landed took
        self.busy = False
        self.idle_turn = False  # the turn that brings nothing new has begun


class Simulation:
    """Runs closed-loop `clients` (each waits for its answer), or an open load of `rate` requests a second."""

    def __init__(self, costs: Costs, *, instances: int = 1, flights: int = 1, cap: int = 512, clients: int = 0, rate: float = 0.0, seed: int = 1):
        self.costs, self.flights, self.cap, self.clients, self.rate = costs, flights, cap, clients, rate
        self.instances = [Instance() for _ in range(instances)]
        self.random = random.Random(seed)
        self.events: list[tuple] = []
        self.order = count()
        self.now = 0.0
        self.unsent: deque[Instance] = deque()  # whose clients the load generator has yet to serve
        self.generator_busy = False

    def at(self, when: float, what, *arguments) -> None:
        heapq.heappush(self.events, (when, next(self.order), what, arguments))

    def after(self, work: float, what, *arguments) -> None:
        self.at(self.now + work, what, *arguments)

    def run(self, seconds: float, warm_up: float = 0.2) -> Result:
        self.result = Result(seconds, 0, 0, [])
        self.begin = warm_up * 1e6
        for number in range(self.clients):
            self.send(self.instances[number % len(self.instances)])
        if self.rate:
            self.at(0.0, self.arrive)
        end = self.begin + seconds * 1e6
        while self.events and self.events[0][0] <= end:
            self.now, _, what, arguments = heapq.heappop(self.events)
            what(*arguments)
        return self.result

    def arrive(self) -> None:
        self.deliver(self.random.choice(self.instances), self.now)
        self.at(self.now + self.random.expovariate(self.rate / 1e6), self.arrive)

    def send(self, instance: Instance) -> None:
        """The load generator is one thread: it takes one answer and sends the next request, one client after the other."""
        self.unsent.append(instance)
        if not self.generator_busy:
            self.generator_busy = True
            self.generate()

    def generate(self) -> None:
        if self.unsent:
            self.after(self.costs.client, self.sent, self.unsent.popleft())
        else:
            self.generator_busy = False

    def sent(self, instance: Instance) -> None:
        self.deliver(instance, self.now)
        self.generate()

    def deliver(self, instance: Instance, sent: float) -> None:
        instance.unread.append(sent)
        self.rouse(instance)

    def rouse(self, instance: Instance) -> None:
        if not instance.busy:
            instance.busy = True
            self.work(instance)

    def work(self, instance: Instance) -> None:
        """One step of the worker: an answer; otherwise a request; otherwise a batch."""
        if len(instance.queued) >= self.cap:
            self.depart(instance)
        if instance.unanswered or instance.unread:
            instance.idle_turn = False
        if instance.unanswered:
            self.after(self.costs.answer, self.answered, instance, instance.unanswered.popleft())
        elif instance.unread:
            instance.queued.append(instance.unread.popleft())
            self.after(self.costs.read, self.work, instance)
        elif instance.queued and self.departure(instance) <= self.now and not instance.idle_turn:
            instance.idle_turn = True
            self.after(self.costs.turn, self.work, instance)
        else:
            self.depart(instance)
            instance.idle_turn = False
            instance.busy = False

    def answered(self, instance: Instance, sent: float) -> None:
        if self.now >= self.begin:
            self.result.answered += 1
            self.result.latencies.append(self.now - sent)
        if self.clients:
            self.send(instance)
        self.work(instance)

    def departure(self, instance: Instance) -> float:
        """When one more batch may depart, if none lands before."""
        if not instance.flying:
            return self.now
        if instance.flying == self.flights or instance.flight < SLOW:
            return inf
        return instance.departed + instance.flight / self.flights

    def depart(self, instance: Instance) -> None:
        """Sends a batch of what waits, if anything does and one may depart."""
        if not instance.queued:
            return
        if (when := self.departure(instance)) > self.now:
            if when < inf:
                self.at(when, self.rouse, instance)
            return
        rows = min(len(instance.queued), self.cap)
        batch = [instance.queued.popleft() for _ in range(rows)]
        instance.flying += 1
        instance.departed = self.now
        flight = self.costs.a + self.costs.b * rows + self.costs.commit
        self.after(flight, self.committed, instance, batch, flight)

    def committed(self, instance: Instance, batch: list[float], flight: float) -> None:
        instance.flying -= 1
        instance.flight = flight
        if self.now >= self.begin:
            self.result.batches += 1
        instance.unanswered.extend(batch)
        self.depart(instance)
        self.rouse(instance)
