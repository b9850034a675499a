"""A discrete-event model of group commit: clients, instances with one worker each, one database.

An instance is one worker thread. It first writes the answers of finished batches, then reads new requests, and only when nothing is
left to read does it send a batch of at most `cap` rows, if one of its `flights` is free. The database needs `a + b * rows` for a
batch, plus `commit` for the storage's round trip; batches of different connections overlap. All times are in microseconds.

The model leaves out: cores shared between the parties, time-outs, the queue's adaptation to a slow database, and reads.
"""

import heapq
import random
from collections import deque
from dataclasses import dataclass, field
from itertools import count


@dataclass(frozen=True)
class Costs:
    """Measured constants of one machine, in microseconds. docs/performance.md says how each was measured."""

    read: float = 5.0  # CPU of the worker to read one request and queue it
    answer: float = 3.4  # CPU of the worker to answer one request
    turn: float = 15.0  # event-loop turns that bring nothing new, before a batch departs
    a: float = 164.0  # one batch at the database, without rows
    b: float = 2.6  # each row of a batch
    commit: float = 0.0  # a storage round trip on top, such as Aurora's
    client: float = 5.0  # CPU of the load generator for one request


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
        self.client_free = 0.0

    def at(self, when: float, what, *arguments) -> None:
        heapq.heappush(self.events, (when, next(self.order), what, arguments))

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
        """The load generator is one thread: it sends one request after the other."""
        self.client_free = max(self.client_free, self.now) + self.costs.client
        self.at(self.client_free, self.deliver, instance, self.client_free)

    def deliver(self, instance: Instance, sent: float) -> None:
        instance.unread.append(sent)
        self.wake(instance)

    def wake(self, instance: Instance) -> None:
        if not instance.busy:
            instance.busy = True
            self.work(instance)

    def work(self, instance: Instance) -> None:
        """One step of the worker: an answer, else a request, else a turn that brings nothing new, then a batch."""
        costs = self.costs
        if len(instance.queued) >= self.cap and instance.flying < self.flights:
            self.depart(instance)
        if instance.unanswered:
            instance.idle_turn = False
            self.at(self.now + costs.answer, self.answered, instance, instance.unanswered.popleft())
        elif instance.unread:
            instance.idle_turn = False
            instance.queued.append(instance.unread.popleft())
            self.at(self.now + costs.read, self.work, instance)
        elif instance.queued and instance.flying < self.flights:
            if instance.idle_turn:
                self.depart(instance)
            instance.idle_turn = not instance.idle_turn
            self.at(self.now + (costs.turn if instance.idle_turn else 0.0), self.work, instance)
        else:
            instance.busy = False

    def answered(self, instance: Instance, sent: float) -> None:
        if self.now >= self.begin:
            self.result.answered += 1
            self.result.latencies.append(self.now - sent)
        if self.clients:
            self.send(instance)
        self.work(instance)

    def depart(self, instance: Instance) -> None:
        rows = min(len(instance.queued), self.cap)
        batch = [instance.queued.popleft() for _ in range(rows)]
        instance.flying += 1
        self.at(self.now + self.costs.a + self.costs.b * rows + self.costs.commit, self.committed, instance, batch)

    def committed(self, instance: Instance, batch: list[float]) -> None:
        instance.flying -= 1
        if self.now >= self.begin:
            self.result.batches += 1
        instance.unanswered.extend(batch)
        self.wake(instance)
