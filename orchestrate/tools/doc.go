// Package tools makes tools that an orchestrated model may call from a
// configuration: other models behind an OpenAI-compatible endpoint, HTTP APIs,
// MCP servers, local commands, and built-ins that need neither key nor network.
//
// Load reads a file, Config.Open starts what it describes, Set.Tools is what the
// model may call, and Config.Check tries everything and says what fails. A file
// is YAML or JSON; testdata/tools.yaml shows every key. In short:
//
//	tools:
//	  - {type: calculator}
//	  - {type: files, folder: ./notes}
//	  - name: weather
//	    type: http
//	    description: The weather of a town now.
//	    url: https://api.example.com/v1/now?town={town}
//	    headers: {Authorization: "Bearer ${WEATHER_KEY}"}
//	    result: $.current.summary
//	    parameters:
//	      type: object
//	      properties: {town: {type: string}}
//	      required: [town]
//
// # Parsing
//
// Parsing is strict: an unknown key, a wrong type, or an environment variable
// that is not set is an error with its line. ${NAME} in a value stands for an
// environment variable, ${NAME:-text} for one with a default, ${file:PATH} for
// what a file holds, and $${ for the characters ${ themselves. What keys,
// headers, and the environments of processes hold of them is secret: it is in
// Set.Secrets, for whoever writes traces, and in no error. An mcpServers file
// as other programs keep it is taken as it is; what this package does not know
// in it becomes a note.
//
// # What a model cannot do
//
// Values of arguments are escaped for the place they are put in, and never make
// up a host, a scheme, a program's path or a header's name. HTTP goes through
// package netguard; allow_hosts opens what is private. Commands have no shell, an
// environment of their own, and end as a process group. Answers are bounded
// where they are read, before anything is made of them. Commands, MCP tools and
// HTTP requests that may change something need approval unless the
// configuration says approval: auto.
package tools
