/*
 * graph_outcome.hpp — from an answer's bytes to a verdict, for a call that is no message.
 */
#pragma once

#include "core/answer/outcome.hpp"

namespace whatsapp
{

/* As judge_answer(), but accepted is a 2xx with a JSON object that has no error; what it says is
 * not looked at. */
Outcome judge_graph_answer(const Answer &answer);

/* The same for an answer whose body is a file: each 2xx is accepted. */
Outcome judge_file_answer(const Answer &answer);

} // namespace whatsapp
