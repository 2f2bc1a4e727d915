using System.Numerics;

namespace Backprop;

/// <summary>Parameters, buffers and layers that a layer holds in its fields and has not registered: nobody else knows of them.</summary>
internal static class Unregistered
{
    internal static IEnumerable<string> In<T>(Layer<T> layer) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var known = new HashSet<object>(ReferenceEqualityComparer.Instance) { layer };
        foreach (var parameter in layer.Parameters) known.Add(parameter);
        foreach (var (_, buffer) in layer.NamedBuffers()) known.Add(buffer);
        known.UnionWith(layer.Generators);
        foreach (var (_, child) in Places("", layer)) known.Add(child);

        foreach (var (path, owner) in Places("", layer))
            foreach (var field in Settings.FieldsOf(owner, typeof(Layer<T>)))
            {
                var value = field.GetValue(owner);
                foreach (var part in value is IReadOnlyCollection<object> several and not Layer<T> ? several : [value!])
                {
                    if (part is null || !known.Add(part)) continue;     // each is said once
                    var kind = part switch { Parameter<T> => "a parameter", Buffer<T> => "a buffer", Layer<T> { Parameters.Count: > 0 } => "a layer with parameters", _ => null };
                    if (kind is not null) yield return $"{path}{owner} holds {kind} that is not registered, {part}: optimizers, files and this check do not know of it. Give it to Register in the constructor.";
                }
            }
    }

    private static IEnumerable<(string Path, Layer<T> Layer)> Places<T>(string path, Layer<T> layer) where T : unmanaged, IFloatingPointIeee754<T> =>
        layer.Children.SelectMany(child => Places($"{path}{child.Name}.", child.Layer)).Prepend((path.Length == 0 ? "" : $"{path[..^1]}: ", layer));
}
