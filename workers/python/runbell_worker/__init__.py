"""The Python worker of Runbell: hosts LangGraph graphs for the server over LGW/1.

    frames         bytes <-> frames                 link          the socket, requests, answers
    app            start, dispatch, end             host          loads graphs, opens them per call
    loading        paths, imports, load errors      runs          one run: stream, cancel, credit, done
    inputs         JSON -> graph input, Command     events        library stream -> wire events
    states         state.* and graph.* requests     schemas       JSON Schemas of a graph
    snapshots      StateSnapshot -> ThreadState     render        any Python value -> JSON
    checkpointer   the saver that asks the server   store         the store that asks the server
    logs           log records, one line each
"""
