/// SHA-256, by Nettle. NIST FIPS 180-4. It names images by content, for caches and reports.
import CNettle

public enum SHA256 {
  /// The digest in hexadecimal.
  public static func hexadecimal(of bytes: [UInt8]) -> String {
    var context = sha256_ctx()
    nettle_sha256_init(&context)
    nettle_sha256_update(&context, bytes.count, bytes)
    var digest = [UInt8](repeating: 0, count: Int(SHA256_DIGEST_SIZE))
    limen_sha256_digest(&context, &digest)
    return digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}
