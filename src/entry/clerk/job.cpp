/*
 * job.cpp — what an answer makes of a request; no SQL, no ereport.
 */
#include "entry/clerk/job.hpp"

#include <cstring>
#include <utility>

#include "core/base/fault.hpp"
#include "pg/server/settings.hpp"

namespace whatsapp::entry
{

namespace
{

constexpr char not_seen[] = "no answer came, and nothing of the request can be seen";
constexpr char unreadable_hint[] = "Check that the configured address is the Cloud API's.";
constexpr char not_seen_hint[] =
    "It was not asked again, since it may still appear. Look in WhatsApp Manager, then ask for it "
    "once more.";

void
read_look(Job &job, const RequestFacts &facts, std::string_view body)
{
	switch (job.kind->read_look(task_of(job), body, job.reply)) {
	case LookResult::done:
		job.is_done = true;
		break;
	case LookResult::open:
		job.is_done = true; /* this page is done: there is nothing to be written */
		job.reply.rows.clear();
		break;
	case LookResult::not_done: {
		const std::int64_t rest_ms = job.reaction.rest_ms;
		job.reaction = react_to_blank_look(*job.kind, facts);
		job.reaction.rest_ms = rest_ms;
		job.reaction.platform_answered = true;
		job.outcome.message = not_seen;
		job.outcome.hint = not_seen_hint;
		break;
	}
	}
}

const char *
text_or_null(const std::string &text) noexcept
{
	return text.empty() ? nullptr : text.c_str();
}

pg::RequestEnd
end_of(const Job &job) noexcept
{
	if (job.is_done)
		return pg::RequestEnd::done;
	switch (job.reaction.step) {
	case RequestStep::ask_again:
		return pg::RequestEnd::again;
	case RequestStep::put_back:
		return pg::RequestEnd::put_back;
	case RequestStep::look:
		return pg::RequestEnd::unknown;
	case RequestStep::read_answer:
	case RequestStep::fail:
		break;
	}
	return pg::RequestEnd::failed;
}

} // namespace

RequestTask
task_of(const Job &job)
{
	RequestTask task = {
	    job.request, job.cursor, job.file, job.route.base_url, pg::settings.media_hosts, 0};
	task.most_file_bytes = static_cast<std::size_t>(pg::settings.max_media_size) * 1024;
	return task;
}

void
read_job_answer(Job &job, const RequestFacts &facts, std::string_view body)
{
	job.reply = Reply();
	job.is_done = false;
	if (job.reaction.step != RequestStep::read_answer)
		return;
	try {
		if (job.is_look) {
			read_look(job, facts, body);
		} else {
			job.reply = job.kind->read_reply(task_of(job), body);
			job.is_done = true;
		}
	} catch (const Fault &fault) {
		const std::int64_t rest_ms = job.reaction.rest_ms;
		/* an answer that is not as the API promises may be a passing trouble; one that we refuse
		 * would be the same the next time */
		const bool is_final = strcmp(fault.sqlstate(), sqlstate::invalid_parameter_value) == 0;
		job.reaction = is_final ? RequestReaction() : react_to_unreadable(*job.kind, facts);
		job.reaction.rest_ms = rest_ms;
		job.reaction.platform_answered = true;
		job.outcome.message = fault.message();
		job.outcome.hint = is_final ? fault.hint() : unreadable_hint;
	}
}

void
fail_job(Job &job, std::string message, std::string hint)
{
	job.is_answered = true;
	job.is_done = false;
	job.reply = Reply();
	job.reaction = RequestReaction();
	job.outcome = Outcome();
	job.outcome.message = std::move(message);
	job.outcome.hint = std::move(hint);
}

WrittenAnswer
written_answer(const Job &job) noexcept
{
	WrittenAnswer answer = {};
	answer.goes_on = job.is_done && !job.reply.next.empty();
	answer.answered = {job.kind_name.c_str(),
	                   job.id,
	                   text_or_null(job.account),
	                   text_or_null(job.sender),
	                   job.request.c_str(),
	                   job.is_done ? text_or_null(job.reply.rows) : nullptr,
	                   job.started_at,
	                   job.asked_at,
	                   !answer.goes_on,
	                   job.is_done && job.reply.has_file ? job.answer_file.data() : nullptr,
	                   job.answer_file.size()};
	answer.ended.id = job.id;
	answer.ended.end = end_of(job);
	answer.ended.delay_ms = job.reaction.delay_ms;
	answer.ended.http_status = job.outcome.http_status;
	if (job.is_done) {
		answer.ended.result = text_or_null(job.reply.result);
		return answer;
	}
	answer.ended.has_code = job.outcome.has_code;
	answer.ended.code = job.outcome.code;
	answer.ended.message = text_or_null(job.outcome.message);
	answer.ended.details = text_or_null(job.outcome.details);
	answer.ended.hint = text_or_null(job.outcome.hint);
	return answer;
}

} // namespace whatsapp::entry
