using System.Reflection;
using System.Runtime.Loader;

namespace Backprop.Mutations;

/// <summary>One mutant, the tests, and all that lies between, apart from other mutants; what does not know the library is shared.</summary>
/// <remarks>Never unloaded: TorchSharp's native library and the test framework hold on to it. The process ends after some mutants instead.</remarks>
internal sealed class MutantContext(string mutant, string tests) : AssemblyLoadContext
{
    protected override Assembly? Load(AssemblyName name)
    {
        if (name.Name == "Backprop") return LoadFromAssemblyPath(mutant);
        var path = Path.Combine(tests, name.Name + ".dll");
        return name.Name!.StartsWith("Backprop.", StringComparison.Ordinal) && File.Exists(path) ? LoadFromAssemblyPath(path) : null;
    }
}
