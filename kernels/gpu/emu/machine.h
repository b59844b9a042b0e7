// The emulated GPU: its memory and the threads of the host that run its blocks.
#pragma once

#include <condition_variable>
#include <map>

#include "core.h"

// What driver.go finds in the object.
#define ORT_API extern "C" __attribute__((visibility("default")))

struct Machine {
	int major;            // compute capability
	uintptr_t base, next; // reserved addresses
	std::map<uintptr_t, Allocation> allocations;
	uint64_t launches, settled; // numbers of the last launch, and of the last before which the host has waited
	std::vector<Worker *> workers;
	std::mutex lock;
	std::condition_variable begin, end;
	Launch *launch; // under way
	int running;    // workers on it
	uint64_t turn;
	bool closing;
	char text[2000]; // of the last failure
};

bool reserve(Machine *m);
void forget_written(Machine *m, uint64_t number);
void unreserve(Machine *m);
