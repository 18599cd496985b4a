"""Secrets are taken out of everything before it is hashed or written."""

from __future__ import annotations

from dataclasses import replace

from ldp_tui.core.secrets import TextRedactor
from ldp_tui.store.rows import (
    AgentRow,
    AnnotationRow,
    BeginEpisode,
    EndEpisode,
    EnvRow,
    GenerationRow,
    MemoryRow,
    MessageRow,
    StepRow,
)


class Redactor(TextRedactor):
    """A TextRedactor that knows the store's rows."""

    def blob(self, blob: bytes | None) -> bytes | None:
        """The JSON bytes of an observation without secrets; the same object when there were none."""
        if blob is None or b'"' not in blob or not self.suspects(blob):  # numbers alone hold no secret
            return blob
        text = blob.decode("utf-8", "surrogateescape")
        clean = self.text(text)
        return blob if clean == text else clean.encode("utf-8", "surrogateescape")

    def step(self, row: StepRow) -> StepRow:
        """`row` with every text redacted."""
        messages = tuple(
            MessageRow(
                self.text(m.role),
                m.kind,
                self.text(m.name),
                self.text(m.call_id),
                self.text(m.content),
                self.text(m.extra),
            )
            for m in row.messages
        )
        return replace(
            row,
            action=self.text(row.action),
            obs=self.blob(row.obs),
            info=self.text(row.info),
            messages=messages,
            generations=tuple(map(self.generation, row.generations)),
        )

    def generation(self, row: GenerationRow) -> GenerationRow:
        """`row` with every text redacted."""
        return replace(
            row,
            model=self.text(row.model),
            params=self.text(row.params),
            request_id=self.text(row.request_id),
            finish=self.text(row.finish),
            raw=self.text(row.raw),
        )

    def env(self, env: EnvRow) -> EnvRow:
        """`env` with every JSON text redacted."""
        return replace(
            env,
            name=self.text(env.name),
            spec=self.text(env.spec),
            pkg_versions=self.text(env.pkg_versions),
            observation_space=self.text(env.observation_space),
            action_space=self.text(env.action_space),
            tools=self.text(env.tools),
        )

    def agent(self, agent: AgentRow) -> AgentRow:
        """`agent` with name, model, configuration and prompt redacted."""
        return replace(
            agent,
            name=self.text(agent.name),
            model=self.text(agent.model),
            config=self.text(agent.config),
            prompt=self.text(agent.prompt),
        )

    def begin(self, begin: BeginEpisode) -> BeginEpisode:
        """`begin` with its header redacted, but not its first row, environment and agent."""
        return replace(
            begin,
            task_id=self.text(begin.task_id),
            seed=self.text(begin.seed),
            options=self.text(begin.options),
        )

    def end(self, end: EndEpisode) -> EndEpisode:
        """`end` with its detail and its generations redacted."""
        return replace(end, detail=self.text(end.detail), generations=tuple(map(self.generation, end.generations)))

    def annotation(self, annotation: AnnotationRow) -> AnnotationRow:
        """`annotation` with its texts redacted."""
        return replace(annotation, label=self.text(annotation.label), comment=self.text(annotation.comment))

    def memory(self, memory: MemoryRow) -> MemoryRow:
        """`memory` with every text redacted."""
        return replace(
            memory,
            collection=self.text(memory.collection),
            query=self.text(memory.query),
            input=self.text(memory.input),
            output=self.text(memory.output),
            value=self.text(memory.value),
            metadata=self.text(memory.metadata),
            template=self.text(memory.template),
        )
