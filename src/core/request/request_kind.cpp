/*
 * request_kind.cpp — the table of the kinds.
 */
#include "core/request/request_kind.hpp"

#include "core/request/cost_request.hpp"
#include "core/request/mark_request.hpp"
#include "core/request/media_request.hpp"
#include "core/request/number_request.hpp"
#include "core/request/probe_request.hpp"
#include "core/request/sample_request.hpp"
#include "core/request/template_request.hpp"

#include <iterator>

#include "core/base/server_free.hpp"

namespace whatsapp
{

namespace
{

constexpr RequestKind kinds[] = {
    {"sync_templates", true, false, false, ask_templates, read_templates, nullptr, nullptr},
    {"create_template", false, false, false, ask_template_creation, read_created_template,
     ask_templates_of_name, find_created_template},
    {"edit_template", false, false, false, ask_template_edit, read_success, ask_template,
     compare_edited_template},
    {"delete_template", false, false, true, ask_template_deletion, read_success,
     ask_templates_of_name, find_deleted_template},
    {"sync_numbers", true, false, false, ask_numbers, read_numbers, nullptr, nullptr},
    {"sync_costs", true, false, false, ask_costs, read_costs, nullptr, nullptr},
    {"probe", true, false, false, ask_probe, read_probe, nullptr, nullptr},
    {"upload_media", true, true, false, ask_media_upload, read_media_upload, nullptr, nullptr},
    {"download_media", true, false, false, ask_media_download, read_media_download, nullptr,
     nullptr},
    {"upload_sample", true, false, false, ask_sample_upload, read_sample_upload, nullptr, nullptr},
    {"mark_read", true, false, false, ask_read_mark, read_success, nullptr, nullptr},
};

} // namespace

const RequestKind *
request_kinds(std::size_t &count) noexcept
{
	count = std::size(kinds);
	return kinds;
}

const RequestKind *
find_request_kind(std::string_view name) noexcept
{
	for (const RequestKind &kind : kinds)
		if (name == kind.name)
			return &kind;
	return nullptr;
}

} // namespace whatsapp
