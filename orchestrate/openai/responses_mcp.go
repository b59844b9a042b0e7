package openai

import "strings"

// approvalPrefix makes the id of an approval request out of a call's.
const approvalPrefix = "mcpr_"

// progress adds what happened to a call that the server executes. Calls run at
// the same time, so that their items are open side by side: each has its place
// in the output from the start.
func (a *responseAnswer) progress(t *ToolEvent) {
	switch t.Stage {
	case ToolStarted:
		a.startCall(t)
	case ToolEnded:
		a.endCall(t)
	case ToolDeferred:
		a.close("completed")
		item := &MCPApprovalItem{Type: "mcp_approval_request", ID: approvalPrefix + t.ID, Server: t.Server, Name: t.Name, Arguments: t.Arguments}
		a.output("response.output_item.added", a.index(), *item)
		a.output("response.output_item.done", a.index(), *item)
		a.resp.Output = append(a.resp.Output, item)
		return
	}
	if t.Stage == ToolWaits || t.Stage == TurnCost {
		a.emit("response.orchrt.progress", func(typ string, n int) any { return toolEvent{Type: typ, Sequence: n, Event: t} })
	}
}

// output adds an event about the item at a place.
func (a *responseAnswer) output(typ string, at int, item any) {
	a.emit(typ, func(t string, n int) any { return itemEvent{Type: t, Sequence: n, Index: at, Item: item} })
}

// state adds an event about the state of a call.
func (a *responseAnswer) state(typ string, at int, item *MCPCallItem) {
	a.emit(typ, func(t string, n int) any { return mcpEvent{Type: t, Sequence: n, ItemID: item.ID, Index: at} })
}

func (a *responseAnswer) startCall(t *ToolEvent) {
	a.close("completed")
	item := &MCPCallItem{Type: "mcp_call", ID: newID("mcp_"), Server: t.Server, Name: t.Name, Arguments: t.Arguments, Status: "calling"}
	if t.Approval != "" {
		id := approvalPrefix + strings.TrimPrefix(t.Approval, approvalPrefix)
		item.Approval = &id
	}
	at := a.index()
	if a.calls == nil {
		a.calls = make(map[string]int)
	}
	a.calls[t.ID] = at
	a.resp.Output = append(a.resp.Output, item)
	bare := *item
	bare.Arguments = ""
	a.output("response.output_item.added", at, bare)
	a.state("response.mcp_call.in_progress", at, item)
	a.emit("response.mcp_call_arguments.done", func(typ string, n int) any {
		return argumentsEvent{Type: typ, Sequence: n, ItemID: item.ID, Index: at, Arguments: &item.Arguments}
	})
}

// endCall ends a call; one that never started, because it was refused, is
// started first.
func (a *responseAnswer) endCall(t *ToolEvent) {
	if _, ok := a.calls[t.ID]; !ok {
		a.startCall(t)
	}
	at := a.calls[t.ID]
	delete(a.calls, t.ID)
	item := a.resp.Output[at].(*MCPCallItem)
	item.Status, item.Output = "completed", &t.Output
	if t.Error != "" {
		item.Status, item.Output, item.Error = "failed", nil, &t.Output
	}
	item.Cost = &MCPCallCost{Round: t.Round, USD: t.USD, Seconds: t.Seconds}
	a.state("response.mcp_call."+item.Status, at, item)
	a.output("response.output_item.done", at, *item)
}

// abandon ends the calls that are still open when the response fails.
func (a *responseAnswer) abandon() {
	for _, at := range a.calls {
		a.resp.Output[at].(*MCPCallItem).Status = "incomplete"
	}
	a.calls = nil
}

// mcpCall adds an mcp_call item of an earlier response: a call and its result.
func (c *conversation) mcpCall(o *object) {
	text := map[string]string{}
	for _, name := range []string{"id", "server_label", "name", "arguments", "output", "error", "approval_request_id"} {
		text[name], _ = o.str(name)
	}
	o.raw("orchrt")
	for _, name := range []string{"id", "name"} {
		if text[name] == "" {
			o.fail(invalid(o.in(name), CodeMissing, "%q is missing", o.in(name)))
		}
	}
	if c.seen(text["approval_request_id"]) {
		c.result(strings.TrimPrefix(text["approval_request_id"], approvalPrefix), text["output"], text["error"])
		return
	}
	c.callItem(text["id"], text["name"], text["arguments"])
	c.result(text["id"], text["output"], text["error"])
}

// mcpApproval adds an mcp_approval_request item: a call without a result.
func (c *conversation) mcpApproval(o *object) {
	id, _ := o.str("id")
	o.str("server_label")
	name, _ := o.str("name")
	arguments, _ := o.str("arguments")
	if id == "" || name == "" {
		o.fail(invalid(o.in("id"), CodeMissing, "%q and %q must be those of the request", o.in("id"), o.in("name")))
		return
	}
	c.callItem(strings.TrimPrefix(id, approvalPrefix), name, arguments)
}

// mcpDecision reads an mcp_approval_response item.
func (c *conversation) mcpDecision(o *object) {
	d := Decision{}
	id, ok := o.str("approval_request_id")
	if !ok || id == "" {
		o.fail(invalid(o.in("approval_request_id"), CodeMissing, "%q is missing", o.in("approval_request_id")))
	}
	if _, ok := o.raw("approve"); !ok {
		o.fail(invalid(o.in("approve"), CodeMissing, "%q is missing", o.in("approve")))
	}
	d.Call = strings.TrimPrefix(id, approvalPrefix)
	d.Approve = o.boolean("approve", false)
	d.Reason, _ = o.str("reason")
	c.decisions = append(c.decisions, d)
}
