"""A chat agent whose model is a table of answers: real messages and token streaming, no network."""

from collections.abc import Iterator
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langgraph.graph import END, START, MessagesState, StateGraph

ANSWERS = {"hello": "Hi there! How can I help you today?"}


class TableModel(BaseChatModel):
    """Answers the last message from ANSWERS, or repeats it."""

    @property
    def _llm_type(self) -> str:
        return "table"

    def _answer(self, messages: list[BaseMessage]) -> str:
        asked = messages[-1].text if messages else ""
        return ANSWERS.get(asked.strip(" !.?").lower(), f"You said: {asked}")

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        message = AIMessage(self._answer(messages))
        return ChatResult(generations=[ChatGeneration(message=message)])

    def _stream(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **kwargs: Any
    ) -> Iterator[ChatGenerationChunk]:
        for number, word in enumerate(self._answer(messages).split(" ")):
            text = word if number == 0 else f" {word}"
            chunk = ChatGenerationChunk(message=AIMessageChunk(text))
            if run_manager:
                run_manager.on_llm_new_token(text, chunk=chunk)
            yield chunk


MODEL = TableModel()


async def answer(state: MessagesState) -> dict[str, Any]:
    return {"messages": [await MODEL.ainvoke(state["messages"])]}


graph = (
    StateGraph(MessagesState)
    .add_node("answer", answer)
    .add_edge(START, "answer")
    .add_edge("answer", END)
    .compile()
)
