#include "builder/dockerfile.h"
#include "tests/builder/describe.h"
#include "tests/support/results.h"

namespace gantry::builder {
namespace {

using testing::HasSubstr;

struct Case {
  const char* text;  // behind FROM, from line 2 on
  const char* expected;
};

const Case instructions[] = {
    {"RUN make all", "RUN shell[make all]"},
    {"run make all", "RUN shell[make all]"},
    {"  RUN   make   all  ", "RUN shell[make   all]"},
    {R"(RUN ["make", "all"])", "RUN exec[make|all]"},
    {R"(RUN [ "make" , "a b" ] )", "RUN exec[make|a b]"},
    {R"(RUN ["make", 1])", R"(RUN shell[["make", 1]])"},
    {R"(RUN ["make" "all"])", R"(RUN shell[["make" "all"]])"},
    {"RUN a && \\\n  b", "RUN shell[a &&   b]"},
    {"RUN a \\  \n  b", "RUN shell[a   b]"},
    {"RUN a \\\n# a comment\n  # another\n  b", "RUN shell[a   b]"},
    {"RUN a \\\n\n  b", "RUN shell[a   b]"},
    {"RUN a\\\\", "RUN shell[a\\\\]"},
    {"RUN echo # no comment", "RUN shell[echo # no comment]"},
    {"# a comment\n\nRUN a", "RUN shell[a]"},
    {"RUN a\r", "RUN shell[a]"},
    {"RUN --network=none a", "RUN shell[a] network=none"},
    {"RUN --network=host a", "RUN shell[a] network=host"},
    {"RUN --network=default --security=sandbox a", "RUN shell[a]"},
    {"RUN --mount=type=cache,target=/c a", "RUN shell[a] mount=1:/c id=/c rw"},
    {"RUN --mount=type=cache,id=x,dst=/c,sharing=locked a", "RUN shell[a] mount=1:/c id=x rw"},
    {"RUN --mount=target=/src a", "RUN shell[a] mount=0:/src ro"},
    {"RUN --mount=type=bind,from=Build,source=/o,target=/in,rw a",
     "RUN shell[a] mount=0:/in from=build source=/o rw"},
    {"RUN --mount=type=tmpfs,target=/t,size=64m a", "RUN shell[a] mount=2:/t rw"},
    {"RUN --mount=type=secret,id=token a", "RUN shell[a] mount=3:/run/secrets/token id=token rw"},
    {"RUN --mount=type=secret,id=token,env=T a", "RUN shell[a] mount=3: id=token rw"},
    {"RUN --mount=type=tmpfs,target=/a --mount=type=tmpfs,target=/b a",
     "RUN shell[a] mount=2:/a rw mount=2:/b rw"},
    {"RUN -- --odd", "RUN shell[--odd]"},
    {"RUN <<EOF\na\nb\nEOF", "RUN shell[<<EOF] <<EOF${a\nb\n}"},
    {"RUN <<'EOF'\n$a\nEOF", "RUN shell[<<'EOF'] <<EOF{$a\n}"},
    {"RUN <<-EOF\n\t\ta\n\tEOF", "RUN shell[<<-EOF] <<EOF${a\n}"},
    {"RUN cat <<A > /a && cat <<B > /b\n1\nA\n2\nB",
     "RUN shell[cat <<A > /a && cat <<B > /b] <<A${1\n} <<B${2\n}"},
    {"RUN cat <<< text", "RUN shell[cat <<< text]"},
    {"RUN <<EOF\n# kept\n\n  kept \\\nEOF", "RUN shell[<<EOF] <<EOF${# kept\n\n  kept \\\n}"},
    {"COPY a b", "COPY [a] -> b"},
    {"COPY a b c/", "COPY [a|b] -> c/"},
    {R"(COPY ["a b", "c"])", "COPY [a b] -> c"},
    {"COPY --from=build --chown=1:2 --chmod=755 a b", "COPY [a] -> b from=build chown=1:2 chmod=755"},
    {"COPY --link --parents --exclude=*.o --exclude=x a/ b/", "COPY [a/] -> b/ exclude=*.o|x link parents"},
    {"COPY --link=false a b", "COPY [a] -> b"},
    {"COPY <<one <<two /d/\n1\none\n2\ntwo", "COPY [] <<one${1\n} <<two${2\n} -> /d/"},
    {"COPY a <<one /d/\n1\none", "COPY [a] <<one${1\n} -> /d/"},
    {"ADD a.tar.gz /", "ADD [a.tar.gz] -> /"},
    {"ADD --chown=web:web a /b", "ADD [a] -> /b chown=web:web"},
    {"ENV a=b", "ENV (a=b)"},
    {"ENV a b c", "ENV (a=b c)"},
    {"ENV a=b c=\"d e\" f=g\\ h", "ENV (a=b)(c=\"d e\")(f=g\\ h)"},
    {"ENV a=b \\\n    c=d", "ENV (a=b)(c=d)"},
    {"ENV a=", "ENV (a=)"},
    {"LABEL a=b \"c d\"='e f'", "LABEL (a=b)(\"c d\"='e f')"},
    {"ARG a", "ARG (a)"},
    {"ARG a=b c d=\"e f\"", "ARG (a=b)(c)(d=\"e f\")"},
    {"WORKDIR /a b", "WORKDIR /a b"},
    {"USER web:web", "USER web:web"},
    {"VOLUME /a /b", "VOLUME [/a|/b]"},
    {R"(VOLUME ["/a", "/b c"])", "VOLUME [/a|/b c]"},
    {"EXPOSE 80 443/tcp 53/udp", "EXPOSE [80|443/tcp|53/udp]"},
    {"ENTRYPOINT [\"a\"]", "ENTRYPOINT exec[a]"},
    {"ENTRYPOINT a $b", "ENTRYPOINT shell[a $b]"},
    {"CMD []", "CMD exec[]"},
    {"CMD a", "CMD shell[a]"},
    {R"(SHELL ["/bin/ash", "-ec"])", "SHELL [/bin/ash|-ec]"},
    {"STOPSIGNAL SIGUSR1", "STOPSIGNAL SIGUSR1"},
    {"HEALTHCHECK --interval=5s --retries=2 CMD true", "HEALTHCHECK --interval=5s --retries=2 CMD true"},
    {"HEALTHCHECK NONE", "HEALTHCHECK NONE"},
    {"ONBUILD RUN a", "ONBUILD RUN a"},
    {"ONBUILD COPY . /src", "ONBUILD COPY . /src"},
    {"MAINTAINER Some One <a@b>", "MAINTAINER Some One <a@b>"},
    {"FROM a AS B", "FROM a as=b"},
    {"FROM --platform=$BUILDPLATFORM a", "FROM a platform=$BUILDPLATFORM"},
};

TEST(Parser, ReadsEachInstruction) {
  for (const auto& each : instructions) {
    SCOPED_TRACE(each.text);
    const auto file = parse_dockerfile(std::string("FROM base\n") + each.text, "Dockerfile");
    ASSERT_OK(file);
    const auto& last = file->stages.back();
    ASSERT_LE(last.instructions.size(), 1U);
    EXPECT_EQ(test::describe(last.instructions.empty() ? last.from : last.instructions[0]), each.expected);
  }
}

struct Wrong {
  const char* text;  // behind FROM, from line 2 on
  ErrorKind kind;
  const char* message;
};

const Wrong errors[] = {
    {"FOO bar", ErrorKind::unsupported, "D:2: unknown instruction: FOO"},
    {"# c\n\nFOO", ErrorKind::unsupported, "D:4: unknown instruction: FOO"},
    {"RUN a \\\n  b\nFOO", ErrorKind::unsupported, "D:4: unknown"},
    {"RUN <<E\nFOO\nE\nBAR", ErrorKind::unsupported, "D:5: unknown instruction: BAR"},
    {"RUN", ErrorKind::invalid, "D:2: RUN: needs at least one argument"},
    {"RUN []", ErrorKind::invalid, "D:2: RUN: the list is empty"},
    {"RUN <<EOF\na", ErrorKind::invalid, "D:2: RUN: heredoc EOF isn't terminated"},
    {"RUN --foo=bar a", ErrorKind::unsupported, "D:2: RUN: unknown flag: --foo"},
    {"RUN --device=x a", ErrorKind::unsupported, "D:2: RUN: unknown flag: --device"},
    {"RUN --network=lan a", ErrorKind::invalid, "--network=lan must be default, none or host"},
    {"RUN --network a", ErrorKind::invalid, "flag --network needs a value"},
    {"RUN --security=insecure a", ErrorKind::unsupported, "--security=insecure is not supported"},
    {"RUN --mount=type=ssh a", ErrorKind::unsupported, "D:2: RUN: --mount: type \"ssh\" is not supported"},
    {"RUN --mount=type=cache a", ErrorKind::invalid, "--mount: needs a target"},
    {"RUN --mount=type=cache,target=/c,sharing=private a", ErrorKind::unsupported, "sharing=private"},
    {"RUN --mount=type=tmpfs,target=/c,from=x a", ErrorKind::unsupported, "key \"from\" is not supported"},
    {"RUN --mount=type=tmpfs,target=/c,size=x a", ErrorKind::invalid, "--mount: size"},
    {"RUN --mount=type=cache,target=/c,mode=9 a", ErrorKind::invalid, "mode must be octal"},
    {"RUN --mount=type=secret a", ErrorKind::invalid, "a secret needs an id"},
    {"COPY a", ErrorKind::invalid, "D:2: COPY: needs a source and a destination"},
    {"COPY a b c", ErrorKind::invalid, "with more than one source"},
    {"COPY --chown a b", ErrorKind::invalid, "flag --chown needs a value"},
    {"COPY --chown=1 --chown=2 a b", ErrorKind::invalid, "flag --chown is given twice"},
    {"COPY --link=maybe a b", ErrorKind::invalid, "--link must be true or false"},
    {"COPY --checksum=x a b", ErrorKind::unsupported, "unknown flag: --checksum"},
    {"COPY --from=x <<E /a\nE", ErrorKind::invalid, "--from can't be used with heredocs"},
    {"ADD --from=x a b", ErrorKind::unsupported, "D:2: ADD: unknown flag: --from"},
    {"ADD --checksum=sha256:x a b", ErrorKind::unsupported, "--checksum is not supported"},
    {"ADD https://a/b /c", ErrorKind::unsupported,
     "D:2: ADD: source https://a/b: addresses are not supported"},
    {"ADD git@github.com:a/b.git /c", ErrorKind::unsupported, "addresses are not supported"},
    {"ENV", ErrorKind::invalid, "D:2: ENV: needs at least one argument"},
    {"ENV a", ErrorKind::invalid, "a has no value"},
    {"ENV a=b c", ErrorKind::invalid, "can't find = in \"c\""},
    {"ENV =b", ErrorKind::invalid, "has no name"},
    {"LABEL", ErrorKind::invalid, "D:2: LABEL"},
    {"ARG", ErrorKind::invalid, "D:2: ARG"},
    {"ARG =a", ErrorKind::invalid, "has no name"},
    {"WORKDIR", ErrorKind::invalid, "D:2: WORKDIR"},
    {"USER", ErrorKind::invalid, "D:2: USER"},
    {"VOLUME", ErrorKind::invalid, "D:2: VOLUME"},
    {"VOLUME []", ErrorKind::invalid, "the list is empty"},
    {"VOLUME [\"\"]", ErrorKind::invalid, "holds an empty word"},
    {"EXPOSE", ErrorKind::invalid, "D:2: EXPOSE"},
    {"SHELL /bin/sh -c", ErrorKind::invalid, "D:2: SHELL: takes a JSON list"},
    {"SHELL []", ErrorKind::invalid, "takes a JSON list"},
    {"STOPSIGNAL", ErrorKind::invalid, "D:2: STOPSIGNAL"},
    {"HEALTHCHECK", ErrorKind::invalid, "D:2: HEALTHCHECK"},
    {"HEALTHCHECK true", ErrorKind::invalid, "must be CMD or NONE"},
    {"HEALTHCHECK --interval=x CMD a", ErrorKind::invalid, "must be a duration"},
    {"HEALTHCHECK --foo=1 CMD a", ErrorKind::invalid, "unknown option --foo"},
    {"ONBUILD", ErrorKind::invalid, "D:2: ONBUILD"},
    {"ONBUILD ONBUILD RUN a", ErrorKind::invalid, "ONBUILD can't be a trigger"},
    {"ONBUILD FROM a", ErrorKind::invalid, "FROM can't be a trigger"},
    {"ONBUILD FOO", ErrorKind::unsupported, "D:2: unknown instruction: FOO"},
    {"ONBUILD RUN --foo=1 a", ErrorKind::unsupported, "D:2: RUN: unknown flag: --foo"},
    {"FROM", ErrorKind::invalid, "D:2: FROM"},
    {"FROM a b", ErrorKind::invalid, "takes IMAGE or IMAGE AS NAME"},
    {"FROM a BY b", ErrorKind::invalid, "takes IMAGE or IMAGE AS NAME"},
    {"FROM a AS 1b", ErrorKind::invalid, "stage name \"1b\" must begin with a letter"},
};

TEST(Parser, RefusesWithTheLine) {
  for (const auto& each : errors) {
    SCOPED_TRACE(each.text);
    EXPECT_ERROR(parse_dockerfile(std::string("FROM base\n") + each.text, "D"), each.kind,
                 HasSubstr(each.message));
  }
}

TEST(Parser, RefusesAFileWithoutAStage) {
  EXPECT_ERROR(parse_dockerfile("", "D"), ErrorKind::invalid, HasSubstr("D: holds no FROM"));
  EXPECT_ERROR(parse_dockerfile("ARG a\n", "D"), ErrorKind::invalid, HasSubstr("holds no FROM"));
  EXPECT_ERROR(parse_dockerfile("\nRUN a\nFROM b", "D"), ErrorKind::invalid,
               HasSubstr("D:2: no build stage yet"));
}

TEST(Parser, KeepsArgumentsBeforeTheFirstStageApart) {
  const auto file = parse_dockerfile("ARG V=1\nFROM a:$V\nARG V\nFROM b AS c\n", "D");
  ASSERT_OK(file);
  ASSERT_EQ(file->arguments.size(), 1U);
  EXPECT_EQ(test::describe(file->arguments[0]), "ARG (V=1)");
  ASSERT_EQ(file->stages.size(), 2U);
  EXPECT_EQ(file->stages[0].from.line, 2);
  EXPECT_EQ(file->stages[1].base().name, "c");
}

TEST(Parser, TakesAnotherEscapeCharacter) {
  const auto file = parse_dockerfile("# escape=`\nFROM a\nRUN a `\n  b\nCOPY c:\\ d\\\n", "D");
  ASSERT_OK(file);
  EXPECT_EQ(file->escape, '`');
  EXPECT_EQ(test::describe(file->stages[0].instructions[0]), "RUN shell[a   b]");
  EXPECT_EQ(test::describe(file->stages[0].instructions[1]), "COPY [c:\\] -> d\\");
}

TEST(Parser, KnowsParserDirectivesOnlyAtTheTop) {
  EXPECT_OK(parse_dockerfile("# syntax=docker/dockerfile:1\n# escape=\\\nFROM a", "D"));
  EXPECT_OK(parse_dockerfile("\xef\xbb\xbf# syntax = docker.io/docker/dockerfile:1.7-labs\nFROM a", "D"));
  EXPECT_OK(parse_dockerfile("# check=skip=all\nFROM a", "D"));
  EXPECT_OK(parse_dockerfile("# unknown=1\n# a comment\n# escape=x\nFROM a", "D"));
  EXPECT_ERROR(parse_dockerfile("# syntax=evil/frontend\nFROM a", "D"), ErrorKind::unsupported,
               HasSubstr("D:1: syntax=evil/frontend is not supported"));
  EXPECT_ERROR(parse_dockerfile("# escape=x\nFROM a", "D"), ErrorKind::invalid,
               HasSubstr("D:1: escape must be"));
  EXPECT_ERROR(parse_dockerfile("# escape=`\n# escape=`\nFROM a", "D"), ErrorKind::invalid,
               HasSubstr("D:2: only one escape"));
}

TEST(Parser, RefusesANul) {
  using namespace std::string_view_literals;
  EXPECT_ERROR(parse_dockerfile("FROM a\nRUN a\0b"sv, "D"), ErrorKind::invalid,
               HasSubstr("D:2: holds a NUL"));
}

}  // namespace
}  // namespace gantry::builder
