/*
 * signature_test.cpp — known digests, and headers that must not pass.
 */
#include "core/webhook/signature.hpp"

#include <cstdio>

#include <gtest/gtest.h>

namespace whatsapp
{
namespace
{

struct Vector {
	const char *secret;
	const char *body;
	const char *hex;
};

constexpr Vector vectors[] = {
    {"test_app_secret", R"({"object":"whatsapp_business_account","entry":[]})",
     "dec6a680679a968e7e0319355b23599cbfc54502c0784668e9618baa0c633756"},
    {"test_app_secret", R"({"object": "whatsapp_business_account", "entry": []})",
     "56cbbaf4961c6cfdae48b7f116c047e5eb513d2c931baae63a2bc1afd26f803a"},
    {"otro_secreto", R"({"object":"whatsapp_business_account","entry":[]})",
     "769b03d8c2ae6498f2d1e1f7299c0ba55448c69d741e7b0bb243d852d8a8d8c7"},
    {"test_app_secret", R"({"text":{"body":"ma\u00f1ana"}})",
     "8edfe568c45f93d24785513c9de69bd73c031b9bc7bd07415ef7cc4f75175330"},
    {"test_app_secret",
     "{\"text\":{\"body\":\"ma\xC3\xB1"
     "ana\"}}",
     "44402dc45069543dca3b8b647dcaba1127055a3da2c36051e7c2becba7671125"},
};

TEST(Signature, KnownVectors)
{
	for (const Vector &vector : vectors) {
		EXPECT_EQ(hmac_sha256_hex(vector.secret, vector.body), vector.hex);
		EXPECT_TRUE(
		    signature_matches("sha256=" + std::string(vector.hex), vector.body, vector.secret));
		EXPECT_FALSE(signature_matches("sha256=" + std::string(vector.hex), vector.body, "other"));
		EXPECT_FALSE(signature_matches("sha256=" + std::string(vector.hex),
		                               vector.body + std::string(" "), vector.secret));
	}
	/* The proof that goes with a request when the app demands one. */
	EXPECT_EQ(hmac_sha256_hex("app_secret_x", "EAAtoken"),
	          "2430335658d62994f777b11e4d1952605a73ddebc1f90e976b4383b0fd5966d4");
}

/* RFC 4231, test cases 1 and 6: a short key, and one longer than a block. */
TEST(Signature, Rfc4231)
{
	EXPECT_EQ(hmac_sha256_hex(std::string(20, '\x0b'), "Hi There"),
	          "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
	EXPECT_EQ(hmac_sha256_hex(std::string(131, '\xaa'),
	                          "Test Using Larger Than Block-Size Key - Hash Key First"),
	          "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
	EXPECT_EQ(hmac_sha256_hex({}, {}),
	          "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

TEST(Signature, Sha256)
{
	EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	EXPECT_EQ(sha256_hex("abc"),
	          "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Signature, FingerprintIsTheFirstHalfOfTheDigest)
{
	for (const char *text : {"", "abc", "s:wamid.HBgL:delivered:1760000005"}) {
		std::string hex;
		for (const unsigned char byte : make_fingerprint(text)) {
			char digits[3];
			std::snprintf(digits, sizeof digits, "%02x", byte);
			hex += digits;
		}
		EXPECT_EQ(hex, sha256_hex(text).substr(0, 32));
	}
}

TEST(Signature, KeysAreTakenByTheBlock)
{
	/* from Python's hmac: a key of exactly one block is itself, a longer one its digest */
	EXPECT_EQ(hmac_sha256_hex(std::string(64, 'k'), "body"),
	          "2e213d30b446410b3c21ed0982394dd2add15ccc4da5abab1cac32e7fd6eb01f");
	EXPECT_EQ(hmac_sha256_hex(std::string(65, 'k'), "body"),
	          "2da24f5c5e8c4884fbeebd56a313b1578530a805d626213a9338445723ad28f6");
}

TEST(Signature, HeadersThatDoNotPass)
{
	const Vector &vector = vectors[0];
	std::string hex = vector.hex;
	std::string upper = hex;
	for (char &c : upper)
		c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));

	for (const std::string &header :
	     {std::string(), hex, "sha1=" + hex, "SHA256=" + hex, "sha256=" + upper, "sha256= " + hex,
	      "sha256=" + hex + " ", "sha256=" + hex.substr(1), "sha256=" + hex + "0",
	      "sha256=" + std::string(64, '0'), std::string("sha256="), " sha256=" + hex,
	      "sha256=" + hex.substr(0, 63) + "7", std::string(71, '\0')})
		EXPECT_FALSE(signature_matches(header, vector.body, vector.secret)) << header;
}

TEST(Signature, AnUnsetSecretNeverMatches)
{
	EXPECT_FALSE(signature_matches("sha256=" + hmac_sha256_hex("", "x"), "x", ""));
	EXPECT_FALSE(signature_matches({}, {}, {}));
}

TEST(Signature, EveryFlippedBitIsSeen)
{
	const Vector &vector = vectors[0];
	std::string header = "sha256=" + std::string(vector.hex);
	for (std::size_t i = 0; i < header.size() * 8; i++) {
		std::string bent = header;
		bent[i / 8] = static_cast<char>(bent[i / 8] ^ (1 << (i % 8)));
		EXPECT_FALSE(signature_matches(bent, vector.body, vector.secret)) << i;
	}
}

TEST(Signature, EqualConstantTime)
{
	EXPECT_TRUE(equal_constant_time("", ""));
	EXPECT_TRUE(equal_constant_time({}, ""));
	EXPECT_TRUE(equal_constant_time("abc", "abc"));
	EXPECT_FALSE(equal_constant_time("abc", "abd"));
	EXPECT_FALSE(equal_constant_time("abc", "ab"));
	EXPECT_FALSE(equal_constant_time("", "a"));
}

TEST(Signature, Subscription)
{
	EXPECT_TRUE(subscription_matches("subscribe", "t0ken", "t0ken"));
	EXPECT_FALSE(subscription_matches("subscribe", "t0ken", "other"));
	EXPECT_FALSE(subscription_matches("subscribe", "", ""));
	EXPECT_FALSE(subscription_matches("subscribe", "t0ken", ""));
	EXPECT_FALSE(subscription_matches("unsubscribe", "t0ken", "t0ken"));
	EXPECT_FALSE(subscription_matches("Subscribe", "t0ken", "t0ken"));
	EXPECT_FALSE(subscription_matches("", "t0ken", "t0ken"));
}

TEST(Signature, ItsFormNeedsNoSecret)
{
	const std::string digits(64, 'a');
	EXPECT_TRUE(signature_well_formed("sha256=" + digits));
	EXPECT_TRUE(signature_well_formed("sha256=" + hmac_sha256_hex("secret", "body")));
	for (const std::string &header :
	     {std::string(), digits, "sha1=" + digits, "sha256=" + digits.substr(1),
	      "sha256=" + digits + "a", "SHA256=" + digits, "sha256=" + std::string(64, 'A'),
	      "sha256=" + std::string(64, 'g'), " sha256=" + digits.substr(1),
	      "sha256=" + digits.substr(1) + " ", "sha256=" + digits.substr(1) + std::string(1, '\0')})
		EXPECT_FALSE(signature_well_formed(header)) << header;
}

} // namespace
} // namespace whatsapp
