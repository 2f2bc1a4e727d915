using Xunit;

[assembly: AssemblyFixture(typeof(Backprop.Tests.ProofTable))]

namespace Backprop.Tests;

/// <summary>Writes the proof table beside the tests when the run is over.</summary>
public sealed class ProofTable : IDisposable
{
    public void Dispose()
    {
        File.WriteAllText(Path.Combine(AppContext.BaseDirectory, "proof-table.md"), Proof.Table());
        File.WriteAllText(Path.Combine(AppContext.BaseDirectory, "proof-summary.md"), Proof.Summary());
    }
}
