/*
 * media_calls.hpp: files: upload, the node that tells where one is, and its bytes at an address
 * that lapses.
 */
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>

namespace sandbox
{

struct Exchange;
struct Sandbox;

struct MediaFile {
	std::string mime_type, bytes, number_id;
};

class MediaFiles
{
public:
	/* Returns the id. */
	std::string add(MediaFile file);
	void put(const std::string &id, MediaFile file);
	const MediaFile *find(const std::string &id) const;
	bool remove(const std::string &id);
	size_t
	count() const
	{
		return files_.size();
	}

private:
	std::unordered_map<std::string, MediaFile> files_;
	uint64_t next_id_ = 2200000000000001;
};

/* Resumable uploads, for what templates show in review. */
struct Upload {
	std::string mime_type, bytes;
	size_t length = 0;
};

class Uploads
{
public:
	/* Returns the id, without its signature. */
	std::string open(Upload upload);
	Upload *find(const std::string &id);
	/* The handle of one that is complete. */
	std::string close(const std::string &id);
	bool knows_handle(const std::string &handle) const;

private:
	std::unordered_map<std::string, Upload> open_;
	std::unordered_map<std::string, Upload> by_handle_;
	uint64_t next_ = 1;
};

/* POST /{app}/uploads */
void open_upload(Sandbox &box, Exchange &exchange);

/* POST and GET of /upload:…: bytes from file_offset on, and how many there are. */
void take_upload(Sandbox &box, Exchange &exchange, const std::string &id);

/* POST /{number}/media, of multipart/form-data. */
void upload_media(Sandbox &box, Exchange &exchange, const std::string &number_id);

/* GET and DELETE /{media}. */
void media_node(Sandbox &box, Exchange &exchange, const std::string &id);

/* GET of the address that the node told: good for media_url_seconds. */
void media_bytes(Sandbox &box, Exchange &exchange, const std::string &name);

/* Plays that somebody sent a file: POST /_sandbox/media {"id", "mime_type", "content"}. */
void put_media(Sandbox &box, Exchange &exchange, const std::string &body);

} // namespace sandbox
