"""The Python worker of Runbell: hosts LangGraph graphs for the server over LGW/1.

    app           start, dispatch, end             link         the socket, requests, answers
    host          graphs, opened for each call     frames       bytes <-> frames
    loading       paths, imports, load errors      render       any Python value -> JSON
    runs          one run, from start to done      snapshots    StateSnapshot -> ThreadState
    events        library stream -> wire events    states       the requests state.* and graph.*
    inputs        JSON -> input, config, Command   schemas      JSON Schemas of a graph
    checkpointer  the saver that asks the server   store        the store that asks the server
    auth          the user's own auth handlers     users        who they name, as graphs find it
    embedding     the user's own embedding function
    webapp        the user's own HTTP app
    tracing       spans of runs, told to the server   own_spans    … and of langsmith inside nodes
    logs          log records, one line each
"""
