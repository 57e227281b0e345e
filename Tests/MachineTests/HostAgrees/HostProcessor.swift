/// The processor that the tests run on, and the profile that it is compared with.

import HostInstructions
import Machine

struct HostProcessor: CustomStringConvertible {
  /// The name that CPUID gives.
  let vendor: String
  let family: Int
  let model: Int
  let stepping: Int

  static let current: HostProcessor = {
    let signature = hostSignature()
    let name = withUnsafeBytes(of: signature.vendor) { String(decoding: $0.prefix(12), as: UTF8.self) }
    return HostProcessor(
      vendor: name, family: Int(signature.family), model: Int(signature.model), stepping: Int(signature.stepping))
  }()

  /// Hygon's processors are AMD's design; whatever is neither is held against Intel's manual.
  var profile: Profile { vendor == "AuthenticAMD" || vendor == "HygonGenuine" ? .amd : .intel }

  var description: String { "\(vendor) family \(family) model \(model) stepping \(stepping), profile \(profile.name)" }
}
