/// From a witness to what runs its path again: the same kernel, byte for byte, wherever it lies now.
import Explorer
import Findings
import Platform
import Subjects

struct WitnessedKernel {
  /// The witness's.
  var file: String
  /// Where the kernel and the hypervisor lie now; nil for where the witness says.
  var kernel: String?
  var hypervisor: String?
  var naming: SymbolOptions

  static func witness(at path: String) throws(CommandFailure) -> Witness {
    let bytes = try Files.read(path, limit: Witness.largest)
    do { return try Witness(reading: bytes) } catch { throw .badInput(path, error) }
  }

  /// What ran below the kernel, the same byte for byte.
  private func below(_ witness: Witness) throws(CommandFailure) -> (below: Guest.Hypervisor, path: String)? {
    guard let known = witness.hypervisor else { return nil }
    let path = hypervisor ?? known.path
    let image = try NamedKernel.image(at: path)
    guard image.digest == known.identity.sha256 else {
      throw CommandFailure(
        .badInput, path, "not the hypervisor of the witness: SHA-256 \(image.digest), not \(known.identity.sha256)")
    }
    return (Guest.Hypervisor(image: image, commandLine: known.commandLine), path)
  }

  /// What runs the witness's path, with the kernel that it names.
  func checker(of witness: Witness, _ progress: Progress) throws -> (checker: Checker, kernel: NamedKernel) {
    try Catalogue.require(witness.platform)
    guard Catalogue.invariants().contains(where: { $0.identifier == witness.invariant }) else {
      throw CommandFailure(.badInput, file, "there is no invariant \(witness.invariant)")
    }
    if witness.limen != LimenVersion.current {
      progress.warn(
        "\(file): written by limen \(witness.limen), and this is \(LimenVersion.current), which may count boundaries otherwise"
      )
    }
    let path = kernel ?? witness.kernelPath
    // A witness may come from anybody, and names what it likes.
    if kernel == nil, let what = try KernelName(path).reads { progress.say("\(file): \(what), which it names") }
    let named = try naming.naming(NamedKernel.one(path))
    let image = named.image
    guard image.digest == witness.kernel.sha256 else {
      throw CommandFailure(
        .badInput, path, "not the kernel of the witness: SHA-256 \(image.digest), not \(witness.kernel.sha256)")
    }
    let ablations = try witness.ablations.map { name throws(CommandFailure) in
      guard let ablation = Ablation(rawValue: name.rawValue) else {
        throw CommandFailure(.badInput, file, "there is no ablation \(name)")
      }
      return ablation
    }
    var asked = Checker(
      kernel: image, kernelPath: named.name, probe: try ProbeFile.load(), memory: witness.memory,
      append: witness.commandLine, platforms: [witness.platform], profiles: [witness.profile],
      crossings: [witness.crossing], postures: [witness.posture], events: [], ablations: ablations,
      jobs: 1, witnessFolder: "", bootBound: named.isReference ? NamedKernel.referenceBound : BootSnapshot.standardBound
    )
    asked.hypervisor = try below(witness)
    asked.warn = progress.warn
    return (asked, named)
  }
}
