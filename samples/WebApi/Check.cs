using System.Net;
using System.Text;

namespace Samples.WebApi;

/// <summary>Asks a server of this machine, also many times at once and while the model is exchanged, and compares the answers with direct predictions.</summary>
internal static class Check
{
    internal static async Task<int> RunAsync()
    {
        var directory = Directory.CreateTempSubdirectory("backprop-webapi-").FullName;
        var path = Path.Combine(directory, "model.safetensors");
        try
        {
            Penguins.Train(path);
            await using var app = Api.Build(["--urls", "http://127.0.0.1:0", "--model", path, "--Logging:LogLevel:Default", "Warning"]);
            await app.StartAsync();
            using var client = new HttpClient { BaseAddress = new Uri(app.Urls.Single()) };

            var health = await client.GetFromJsonAsync<Health>("/health");
            Expect(health is { Status: "ok", Version: 1, Classes: ["Adelie", "Chinstrap", "Gentoo"] }, "health");

            double?[][] rows = [[39.1, 18.7, 181, 2], [null, 13.9, 214, 0], [49.0, 19.6, 212, 1], [38.8, 18.3, 184, -1]];
            var before = rows.Select(new Served(path).Direct).ToArray();
            for (var i = 0; i < rows.Length; i++)
                Expect(Same(await Ask(rows[i]), before[i]), "an answer is what the model predicts");
            Expect((await Ask(rows[1])).Classes[0].Name == "Gentoo", "a row with a gap is a Gentoo");

            await Refused("""{ "features": [39.1, 18.7] }""", "expects at least 3 input columns, but there are 2");
            await Refused("""{ "features": [39.1, 18.7, 181, 2], "top": 4 }""", "3 classes");
            await Refused("""{ "features": [39.1, 18.7, 181, 2, 5] }""", "expects 4 features, but there are 5");
            await Refused("""{ "features": [1e400, 18.7, 181, 2] }""", "finite");
            await Refused("{}", "features");
            await Refused("no JSON", "");

            // Another model is laid in the old one's place while many ask: each answer is wholly the one's or the other's.
            var asked = Task.WhenAll(Enumerable.Range(0, 400).Select(async i => (Row: i % rows.Length, Answer: await Ask(rows[i % rows.Length]))));
            Penguins.Train(path, seed: 2);
            Expect((await client.PostAsync("/reload", null)).IsSuccessStatusCode, "reload");
            var after = rows.Select(new Served(path).Direct).ToArray();
            Expect((await asked).All(of => Same(of.Answer, (of.Answer.Version == 1 ? before : after)[of.Row])), "answers while the model is exchanged");
            Expect((await Ask(rows[0])).Version == 2, "the new model serves");

            await File.WriteAllTextAsync(path, "no model");
            Expect((await client.PostAsync("/reload", null)).StatusCode == HttpStatusCode.Conflict, "a file that is no model is refused");
            Expect(Same(await Ask(rows[0]), after[0]), "the model before it goes on serving");
            await app.StopAsync();
            Console.WriteLine("answers, refusals, and 400 questions at once while the model was exchanged: all as they should be");
            return 0;

            async Task<Answer> Ask(double?[] features)
            {
                using var response = await client.PostAsJsonAsync("/predict", new Question(features, Top: 3));
                return (await response.EnsureSuccessStatusCode().Content.ReadFromJsonAsync<Answer>())!;
            }

            async Task Refused(string json, string because)
            {
                using var content = new StringContent(json, Encoding.UTF8, "application/json");
                using var response = await client.PostAsync("/predict", content);
                var text = await response.Content.ReadAsStringAsync();
                Console.WriteLine($"{json} -> {(int)response.StatusCode} {text}");
                Expect(response.StatusCode == HttpStatusCode.BadRequest && text.Contains(because, StringComparison.Ordinal), $"{json} is refused");
            }
        }
        catch (InvalidOperationException failed)
        {
            Console.Error.WriteLine($"webapi: {failed.Message}");
            return 1;
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static bool Same(Answer a, Answer b) => a.Classes.SequenceEqual(b.Classes);

    private static Answer Direct(this Served served, double?[] features) => served.Predict(new(features, Top: 3));

    private static void Expect(bool fulfilled, string what)
    {
        if (!fulfilled) throw new InvalidOperationException($"this does not hold: {what}");
    }
}
